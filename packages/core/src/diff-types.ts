/** The row-level difference of two states of a project (contracts.md §4). */
import type { JsonObject } from "./row.js";

/** What happened to a row between two states; `moved` is the same row at another place. */
export type RowChangeKind = "added" | "removed" | "changed" | "moved";

export interface RowChange {
  readonly key: string;
  readonly kind: RowChangeKind;
  readonly before?: JsonObject;
  readonly after?: JsonObject;
  /** In the head state; for a removed row in the base state. */
  readonly file: string;
  readonly line: number;
}

/** The row diff of one split: counts, and the rows that are not unchanged. */
export interface SplitDiff {
  readonly split: string;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly moved: number;
  readonly unchanged: number;
  readonly rows: readonly RowChange[];
}

/** The row diff of one project. */
export interface ProjectDiff {
  readonly name: string;
  readonly splits: readonly SplitDiff[];
}

export interface DatasetDiff {
  readonly version: 1;
  readonly base: string;
  /** A commit's sha, or "worktree". */
  readonly head: string;
  readonly projects: readonly ProjectDiff[];
}
