/** Two states of a split, joined on their rows' keys. Pure, and on facts of a few bytes a row. */

/** What joining needs of a row. */
export interface JoinRow {
  readonly key: string;
  /** Of the row's whole content: equal hashes are equal rows. */
  readonly hash: string;
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
}

export interface Pair<T> {
  readonly before: T;
  readonly after: T;
}

export interface Joined<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  readonly changed: readonly Pair<T>[];
  readonly moved: readonly Pair<T>[];
  /** Rows that are what and where they were. */
  readonly unchanged: readonly Pair<T>[];
}

/**
 * Joins in O(n log n) time. A row of both states with another content is changed, wherever it stands. One with the same
 * content is moved where it is in another file, or where it is not on the longest run of rows that kept their order
 * within the file: so inserting a row moves nothing, and taking one row to the end moves that row alone.
 * Where a key is in a state several times, equal rows go together, then the first with the first.
 */
export function joinRows<T extends JoinRow>(before: readonly T[], after: readonly T[]): Joined<T> {
  const exact = new Queues(before, (row) => `${row.key}\n${row.hash}`);
  const partners = new Map<T, T>();
  const taken = new Set<T>();
  const take = (row: T, partner: T | undefined): void => {
    if (!partner) return;
    partners.set(row, partner);
    taken.add(partner);
  };
  for (const row of after) take(row, exact.next(`${row.key}\n${row.hash}`));
  const byKey = new Queues(
    before.filter((row) => !taken.has(row)),
    (row) => row.key,
  );
  for (const row of after) if (!partners.has(row)) take(row, byKey.next(row.key));

  const added: T[] = [];
  const changed: Pair<T>[] = [];
  const moved: Pair<T>[] = [];
  const inFile = new Map<string, Pair<T>[]>();
  for (const row of after) {
    const partner = partners.get(row);
    if (!partner) {
      added.push(row);
      continue;
    }
    const pair = { before: partner, after: row };
    if (partner.hash !== row.hash) changed.push(pair);
    else if (partner.file !== row.file) moved.push(pair);
    else {
      const pairs = inFile.get(row.file);
      if (pairs) pairs.push(pair);
      else inFile.set(row.file, [pair]);
    }
  }
  const unchanged: Pair<T>[] = [];
  for (const pairs of inFile.values()) {
    const kept = longestRun(pairs.map((pair) => pair.before.line));
    for (const [index, pair] of pairs.entries()) (kept.has(index) ? unchanged : moved).push(pair);
  }
  return { added, removed: before.filter((row) => !taken.has(row)), changed, moved, unchanged };
}

/** Rows by a name, each handed out once, in their order. */
class Queues<T> {
  private readonly rows = new Map<string, T[]>();

  constructor(rows: readonly T[], nameOf: (row: T) => string) {
    // Backwards, so that the first is the last of its list, where pop takes it.
    for (let index = rows.length - 1; index >= 0; index -= 1) {
      const row = rows[index] as T;
      const list = this.rows.get(nameOf(row));
      if (list) list.push(row);
      else this.rows.set(nameOf(row), [row]);
    }
  }

  next(name: string): T | undefined {
    return this.rows.get(name)?.pop();
  }
}

/** Indices of a longest increasing subsequence (patience sorting, O(n log n)). */
function longestRun(values: readonly number[]): Set<number> {
  const tails: number[] = [];
  const previous = new Int32Array(values.length).fill(-1);
  for (const [index, value] of values.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[tails[middle] ?? 0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) previous[index] = tails[low - 1] ?? -1;
    tails[low] = index;
  }
  const kept = new Set<number>();
  for (let at = tails.at(-1) ?? -1; at >= 0; at = previous[at] ?? -1) kept.add(at);
  return kept;
}
