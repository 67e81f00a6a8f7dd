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
 * @param {() => Promise<Record<string, (args: any) => unknown>>} open makes what is measured ready
 */
export async function serve(open) {
  const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const answerWith = async (make) => {
    try {
      answer(await make());
    } catch (error) {
      answer({ error: error instanceof Error ? error.message : String(error) });
    }
  };
  let handlers = {};
  await answerWith(async () => {
    handlers = await open();
    return { ready: true, sinceStart: sinceStart() };
  });
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...args } = JSON.parse(line);
    await answerWith(() => handlers[name](args));
  }
  // Threads of an engine would keep the process alive.
  process.exit();
}
