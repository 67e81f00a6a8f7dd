/** The answering end of `Side` for Node processes; `peer/serve.py` is its twin. */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { createInterface } from "node:readline";

const CLOCK_TICKS_A_SECOND = 100; // Linux's USER_HZ, fixed since 2.6

/** Of this process, in bytes: peak resident set, and now resident: anonymous and mapped from files. */
export function memory() {
  const status = readFileSync("/proc/self/status", "utf8");
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)[1]) * 1024;
  return { peak: bytes("VmHWM"), anonymous: bytes("RssAnon"), file: bytes("RssFile") };
}

/** Seconds since this process was started, loading included. */
export function sinceStart() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const startedTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return uptime() - startedTicks / CLOCK_TICKS_A_SECOND;
}

/**
 * Answers until stdin ends.
 * @param {Record<string, (args: any) => unknown>} handlers
 */
export async function serve(handlers) {
  const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  answer({ ready: true, sinceStart: sinceStart() });
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...args } = JSON.parse(line);
    try {
      answer(await handlers[name](args));
    } catch (error) {
      answer({ error: String(error?.stack ?? error) });
    }
  }
}
