/** The difference of two lists of rows, and its inverse. Both pure. */
import type { RowChange } from "../diff-types.js";
import { canonicalJson, sha256Hex } from "../hash.js";
import { InternalError } from "../issue.js";
import type { JsonObject } from "../row.js";
import { type JoinRow, joinRows, type Pair } from "./join.js";
import { pairEdited } from "./pair-edited.js";

/** A row with where it stands. */
export interface PlacedRow {
  readonly key: string;
  readonly value: JsonObject;
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
}

/**
 * Diffs two states of a split that are in memory.
 * @param hasIds false: keys are content hashes, so edited rows are paired by likeness
 * @returns changes by file and line; `moved` has `after` alone, since its content is the same
 */
export function diffRows(before: readonly PlacedRow[], after: readonly PlacedRow[], hasIds: boolean): RowChange[] {
  const hashed = (row: PlacedRow): PlacedRow & JoinRow => ({ ...row, hash: sha256Hex(canonicalJson(row.value)) });
  const joined = joinRows(before.map(hashed), after.map(hashed));
  const edited = hasIds
    ? { pairs: [], removed: joined.removed, added: joined.added }
    : pairEdited(joined.removed, joined.added, (row) => row.value);
  return sortChanges([
    ...edited.removed.map(removedChange),
    ...edited.added.map(addedChange),
    ...[...joined.changed, ...edited.pairs].map(changedChange),
    ...joined.moved.map(movedChange),
  ]);
}

/** A removed row stands where it was in the base. */
export function removedChange({ key, value, file, line }: PlacedRow): RowChange {
  return { key, kind: "removed", before: value, file, line };
}

export function addedChange({ key, value, file, line }: PlacedRow): RowChange {
  return { key, kind: "added", after: value, file, line };
}

export function changedChange({ before, after }: Pair<PlacedRow>): RowChange {
  return {
    key: after.key,
    kind: "changed",
    before: before.value,
    after: after.value,
    file: after.file,
    line: after.line,
  };
}

export function movedChange({ after }: Pair<PlacedRow>): RowChange {
  return { key: after.key, kind: "moved", after: after.value, file: after.file, line: after.line };
}

/** By file, line, and the order in which a reader wants them: what went before what came. */
export function sortChanges(changes: readonly RowChange[]): RowChange[] {
  const rank = { removed: 0, changed: 1, moved: 2, added: 3 } as const;
  return [...changes].sort((a, b) => {
    if (a.file !== b.file) return a.file < b.file ? -1 : 1;
    return a.line - b.line || rank[a.kind] - rank[b.kind];
  });
}

/**
 * Applies a whole diff to the state that it starts from: `applyPatch(a, diffRows(a, b))` has b's rows. Their order and
 * files are b's, too, if no row is in a state twice and files have no blank lines (then a line is a position).
 * @param before sorted by file and line
 * @throws {InternalError} where the diff is not of this state
 */
export function applyPatch(before: readonly PlacedRow[], changes: readonly RowChange[]): JsonObject[] {
  const rest = new Map<string, JsonObject[]>();
  const gone = new Map<string, number>();
  for (const change of changes) {
    const left = change.kind === "added" ? undefined : (change.before ?? change.after);
    if (left === undefined) continue;
    const text = canonicalJson(left);
    gone.set(text, (gone.get(text) ?? 0) + 1);
  }
  for (const { value, file } of before) {
    const text = canonicalJson(value);
    const count = gone.get(text) ?? 0;
    if (count > 0) {
      gone.set(text, count - 1);
      continue;
    }
    const rows = rest.get(file);
    if (rows) rows.push(value);
    else rest.set(file, [value]);
  }
  for (const count of gone.values()) if (count > 0) throw new InternalError("the diff removes a row that is not there");

  const coming = sortChanges(changes.filter(({ kind }) => kind !== "removed"));
  const files = new Set([...rest.keys(), ...coming.map(({ file }) => file)]);
  return [...files].sort().flatMap((file) =>
    weave(
      rest.get(file) ?? [],
      coming.filter((change) => change.file === file),
    ),
  );
}

/** Puts each coming row at its line and lets the others fill the lines between. */
function weave(kept: readonly JsonObject[], coming: readonly RowChange[]): JsonObject[] {
  const rows: JsonObject[] = [];
  let next = 0;
  for (const { line, after } of coming) {
    while (rows.length + 1 < line && next < kept.length) rows.push(kept[next++] as JsonObject);
    if (after) rows.push(after);
  }
  return [...rows, ...kept.slice(next)];
}
