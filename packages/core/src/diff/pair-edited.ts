/**
 * Rows without ids get a new key with every edit. This finds, among the removed and the added rows, those that are the
 * same row before and after: first by how alike their words are, at the same likeness by order. Time is bounded: each
 * row meets at most `SKETCH` × `MAX_BUCKET` others.
 */
import { hash53, wordsOf } from "../checks/text.js";
import type { JsonObject, JsonValue } from "../row.js";
import type { Pair } from "./join.js";

/** Half of the words in common (Dice): a rewritten row rather than another one. */
const MIN_LIKENESS = 0.5;
/** Smallest word hashes that a row is found by. */
const SKETCH = 16;
const MAX_BUCKET = 32;
const MAX_WORDS = 2000;
/** Keys whose values are the same in most rows, so they say nothing about likeness. */
const ROLE_KEYS: ReadonlySet<string> = new Set(["role", "from"]);

/** @returns pairs, and what is left of both sides in its order */
export function pairEdited<T>(
  removed: readonly T[],
  added: readonly T[],
  readValue: (row: T) => JsonObject,
): { readonly pairs: readonly Pair<T>[]; readonly removed: readonly T[]; readonly added: readonly T[] } {
  const before = removed.map((row) => bagOf(readValue(row)));
  const after = added.map((row) => bagOf(readValue(row)));
  const buckets = new Map<number, number[]>();
  for (const [index, bag] of before.entries()) {
    for (const hash of sketchOf(bag)) {
      const bucket = buckets.get(hash);
      if (!bucket) buckets.set(hash, [index]);
      else if (bucket.length < MAX_BUCKET) bucket.push(index);
    }
  }
  const candidates: { readonly from: number; readonly to: number; readonly likeness: number }[] = [];
  for (const [to, bag] of after.entries()) {
    const met = new Set(sketchOf(bag).flatMap((hash) => buckets.get(hash) ?? []));
    // Rows at the same place in the two lists are often an edit in place, also where few words are left.
    if (removed.length === added.length) met.add(to);
    for (const from of met) {
      const other = before[from];
      const likeness = other ? dice(other, bag) : 0;
      if (likeness >= MIN_LIKENESS) candidates.push({ from, to, likeness });
    }
  }
  candidates.sort((a, b) => b.likeness - a.likeness || a.to - b.to || a.from - b.from);
  const partnerOf = new Map<number, number>();
  const taken = new Set<number>();
  for (const { from, to } of candidates) {
    if (partnerOf.has(to) || taken.has(from)) continue;
    partnerOf.set(to, from);
    taken.add(from);
  }
  const pairs: Pair<T>[] = [];
  for (const [to, row] of added.entries()) {
    const from = partnerOf.get(to);
    const partner = from === undefined ? undefined : removed[from];
    if (partner !== undefined) pairs.push({ before: partner, after: row });
  }
  return {
    pairs,
    removed: removed.filter((_, index) => !taken.has(index)),
    added: added.filter((_, index) => !partnerOf.has(index)),
  };
}

interface Bag {
  readonly counts: ReadonlyMap<number, number>;
  readonly size: number;
}

function bagOf(value: JsonObject): Bag {
  const counts = new Map<number, number>();
  let size = 0;
  const add = (word: string): void => {
    if (size >= MAX_WORDS) return;
    const hash = hash53(word);
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
    size += 1;
  };
  const walk = (item: JsonValue | undefined, key: string): void => {
    if (typeof item === "string") {
      if (!ROLE_KEYS.has(key)) for (const word of wordsOf(item.slice(0, 20 * MAX_WORDS))) add(word);
    } else if (Array.isArray(item)) for (const part of item) walk(part as JsonValue, key);
    else if (typeof item === "object" && item !== null)
      for (const [name, part] of Object.entries(item)) walk(part as JsonValue, name);
    else add(`${key}=${String(item)}`);
  };
  walk(value, "");
  return { counts, size };
}

function sketchOf({ counts }: Bag): number[] {
  return [...counts.keys()].sort((a, b) => a - b).slice(0, SKETCH);
}

/** Dice's coefficient of two bags of words, in 0..1. */
function dice(a: Bag, b: Bag): number {
  if (a.size + b.size === 0) return 0;
  const [small, large] = a.counts.size <= b.counts.size ? [a, b] : [b, a];
  let shared = 0;
  for (const [word, count] of small.counts) shared += Math.min(count, large.counts.get(word) ?? 0);
  return (2 * shared) / (a.size + b.size);
}
