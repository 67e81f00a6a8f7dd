/**
 * Everything that can be wrong with what a user gave us, as data. Text is made from it late
 * (`render-issue.ts`), so that a terminal, an annotation and a comment say the same thing.
 */

import type { IssueCode } from "./issue-codes.js";

/** How bad it is: only an error fails a check. */
export type Severity = "error" | "warning" | "note";

/** One finding: where it is, what was expected, what was found, and how to mend it. */
export interface Issue {
  /** Closed, documented list: `ISSUE_CODES` in `issue-codes.ts`. */
  readonly code: IssueCode;
  readonly severity: Severity;
  readonly project?: string;
  /** Path relative to the repository's root, with forward slashes. */
  readonly file?: string;
  /** Counts from 1. */
  readonly line?: number;
  /** Counts from 1, in UTF-16 units. */
  readonly column?: number;
  /** The row's key: its id, or its content hash. */
  readonly row?: string;
  /** JSON pointer (RFC 6901) into the row or the config. */
  readonly pointer?: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly fix?: string;
}

/** 1: a check or the gate says no. 2: bad input, config or usage. 3: machine, network or internal failure. */
export type FailureExitCode = 1 | 2 | 3;

/** A failure that a user can act on. Carries its issues, so that nothing has to be parsed out of text. */
export class GituneError extends Error {
  readonly issues: readonly Issue[];
  readonly exitCode: FailureExitCode;

  constructor(issues: Issue | readonly Issue[], options: { exitCode?: FailureExitCode; cause?: unknown } = {}) {
    const list: readonly Issue[] = Array.isArray(issues) ? issues : [issues as Issue];
    super(list.map((issue) => issue.message).join("\n"), { cause: options.cause });
    this.name = "GituneError";
    this.issues = list;
    this.exitCode = options.exitCode ?? 2;
  }
}

/** A state that cannot happen: a bug of ours, never the user's. Exit code 3. */
export class InternalError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(`internal: ${message}`, options);
    this.name = "InternalError";
  }
}
