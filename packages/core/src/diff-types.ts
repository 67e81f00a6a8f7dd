/** The row-level difference of two states of a project (contracts.md §4). */
import type { JsonObject } from "./row.js";

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

export interface SplitDiff {
  readonly split: string;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly moved: number;
  readonly unchanged: number;
  readonly rows: readonly RowChange[];
}

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
