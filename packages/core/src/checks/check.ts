/** A rule over a stream of rows, with a state of its own. */
import type { CheckConfig, Config } from "../config/config.js";
import type { Issue } from "../issue.js";
import type { EvalRow, Row, RowContent } from "../row.js";
import type { Finding } from "../schema/explain.js";

/** A row of a split that has its format. */
export interface CheckedRow extends Row {
  readonly split: string;
}

/** What a rule finds when the stream is over: a finding, and the row that it is about. */
export interface LateFinding extends Finding {
  readonly file: string;
  readonly line: number;
  readonly row: string;
}

export interface CheckRun {
  /** What is wrong with this row, knowing those before it. */
  onRow(row: CheckedRow): readonly Finding[];
  /** What only shows once all rows are known. */
  onEnd?(): readonly LateFinding[];
}

/** A suite's rows, of any project of the repository. */
export interface SuiteRows {
  readonly project: string;
  readonly suite: string;
  readonly rows: readonly EvalRow[];
}

/** Tokens of a row as it is trained: all, and those that are labels. */
export type CountTokens = (content: RowContent) => { readonly total: number; readonly supervised: number };

export interface CheckContext {
  readonly config: Config;
  readonly suites: readonly SuiteRows[];
  readonly countTokens: CountTokens | null;
}

/** @returns null where the rule cannot run, since something that it needs is not at hand */
export type Check = (options: CheckConfig, context: CheckContext) => CheckRun | null;

/** `file:line` for messages that name another row. */
export function placeOf({ file, line }: Pick<Issue, "file" | "line">): string {
  return `${file ?? ""}:${line ?? 0}`;
}

/** A numeric option of a rule; the config's schema has checked its type. */
export function numberOption(options: CheckConfig, name: string, fallback: number): number {
  const value = options[name];
  return typeof value === "number" ? value : fallback;
}
