/** A question to whoever sits at the terminal. */
import { createInterface } from "node:readline/promises";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on stderr, beside the answer. @returns whether the answer matches */
export async function ask(question: string, yes: RegExp): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return yes.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
