/** What a verb is: its options, its teaching, and one function from arguments to an outcome. */
import type { OnProgress } from "@gitune/core";
import type { Command } from "commander";
import type { Colors } from "picocolors/types.js";

/** contracts.md §2. 0 fine, 1 a check or the gate says no, 2 bad input or usage, 3 machine or internal failure. */
export type ExitCode = 0 | 1 | 2 | 3;

/** What a verb may use of the world around it. */
export interface Context {
  /** Absolute; every path a user types is relative to it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** For text that goes to stdout. */
  readonly colors: Colors;
  readonly onProgress: OnProgress;
  /** A line for people on stderr, beside the answer; nothing with --quiet. */
  readonly note: (line: string) => void;
}

/** What a verb answers. One of `text` and `document` is printed, which is the caller's choice alone. */
export interface Outcome {
  readonly exitCode: ExitCode;
  /** For people, or in the format they asked for. Printed as it is. */
  readonly text: string;
  /** For programs: what `--json` prints. */
  readonly document: unknown;
}

export interface Verb {
  /** Adds arguments and options to the command, whose name and summary are there already. */
  readonly configure: (command: Command) => void;
  /** At least two real calls, each with what it is for. */
  readonly examples: readonly (readonly [call: string, purpose: string])[];
  /** What each code means for this verb; the ones left out cannot happen. */
  readonly exitCodes: Readonly<Partial<Record<ExitCode, string>>>;
  readonly run: (context: Context, command: Command) => Promise<Outcome>;
}
