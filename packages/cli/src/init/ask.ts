/** Questions to whoever sits at the terminal. */
import { createInterface } from "node:readline/promises";
import { GituneError } from "@gitune/core";

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks for a line on stderr, beside the answer. @throws {GituneError} `cli.interrupted` at Ctrl-C and Ctrl-D */
export async function askLine(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // At a terminal Ctrl-C is no signal but a key that closes it; the question would never be answered.
  const closed = new Promise<never>((_, reject) => terminal.once("close", () => reject(interrupted())));
  try {
    return (await Promise.race([terminal.question(question), closed])).trim();
  } finally {
    terminal.close();
  }
}

/** Asks. @returns whether the answer matches */
export async function ask(question: string, yes: RegExp): Promise<boolean> {
  return yes.test(await askLine(question));
}

function interrupted(): GituneError {
  const message = "stopped before the end, as asked; nothing was written";
  return new GituneError({ code: "cli.interrupted", severity: "error", message }, { exitCode: 3 });
}
