"""A measured process: reads one JSON command a line, answers with one JSON object a line.

What libraries print goes to stderr, so that stdout carries answers only.
"""

import json
import os
import sys
import time

_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def memory() -> dict:
    """Of this process, in bytes: peak resident set, and now resident: anonymous and mapped from files."""
    names = {"VmHWM": "peak", "RssAnon": "anonymous", "RssFile": "file"}
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {short: int(fields[name].split()[0]) * 1024 for name, short in names.items()}


def reset_peak() -> None:
    """Starts a new peak of the resident set."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")


def since_start() -> float:
    """Seconds since this process was started, interpreter and imports included."""
    with open("/proc/self/stat", encoding="ascii") as stat:
        started_ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")


def answer(value: object) -> None:
    print(json.dumps(value), file=_answers)


def serve(handlers: dict) -> None:
    """Answers until stdin ends. A command is {"do": name, ...arguments}."""
    answer({"ready": True, "sinceStart": since_start()})
    for line in sys.stdin:
        command = json.loads(line)
        answer(handlers[command.pop("do")](**command))
