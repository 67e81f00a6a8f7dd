/** What differs within a row: fields, and words within their texts. */

import { toPointer } from "../pointer.js";
import type { JsonObject, JsonValue } from "../row.js";

export interface FieldChange {
  readonly pointer: string;
  /** Undefined where the field is not there. */
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

/** The fields that differ, as deep as both sides have them. */
export function changedFields(before: JsonObject, after: JsonObject): FieldChange[] {
  const changes: FieldChange[] = [];
  const walk = (a: JsonValue | undefined, b: JsonValue | undefined, path: readonly (string | number)[]): void => {
    if (Array.isArray(a) && Array.isArray(b)) {
      for (let index = 0; index < Math.max(a.length, b.length); index += 1) walk(a[index], b[index], [...path, index]);
    } else if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk(a[key], b[key], [...path, key]);
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      changes.push({ pointer: toPointer(path), before: a, after: b });
    }
  };
  walk(before, after, []);
  return changes;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Neighbouring words of a changed text with the same fate. */
export interface WordRun {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/** Words compared by the table of longest common subsequences; longer middles are shown as replaced. */
const MAX_WORDS = 400;
/** Words of what is the same that stand on each side of a change. */
const CONTEXT_WORDS = 8;

/** The way from one text to another, word by word; long runs of what is the same are cut to `…`. */
export function diffWords(before: string, after: string): WordRun[] {
  const a = before.match(/[\p{L}\p{M}\p{N}_]+|\s+|[^\p{L}\p{M}\p{N}_\s]/gu) ?? [];
  const b = after.match(/[\p{L}\p{M}\p{N}_]+|\s+|[^\p{L}\p{M}\p{N}_\s]/gu) ?? [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const runs: WordRun[] = [];
  const push = (kind: WordRun["kind"], words: readonly string[]): void => {
    const last = runs.at(-1);
    const text = words.join("");
    if (text === "") return;
    if (last?.kind === kind) runs[runs.length - 1] = { kind, text: last.text + text };
    else runs.push({ kind, text });
  };
  push("same", a.slice(0, start));
  const [middleA, middleB] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (middleA.length > MAX_WORDS || middleB.length > MAX_WORDS) {
    push("removed", middleA);
    push("added", middleB);
  } else {
    for (const [kind, word] of alignWords(middleA, middleB)) push(kind, [word]);
  }
  push("same", a.slice(a.length - end));
  return runs.map((run, index) =>
    run.kind === "same" ? { ...run, text: shorten(run.text, index === 0, index === runs.length - 1) } : run,
  );
}

function alignWords(a: readonly string[], b: readonly string[]): [WordRun["kind"], string][] {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const right = table[i * width + j + 1] ?? 0;
      const below = table[(i + 1) * width + j] ?? 0;
      table[i * width + j] = a[i] === b[j] ? (table[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(right, below);
    }
  }
  const steps: [WordRun["kind"], string][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      steps.push(["same", a[i] ?? ""]);
      i += 1;
      j += 1;
    } else if (
      i < a.length &&
      (j >= b.length || (table[(i + 1) * width + j] ?? 0) >= (table[i * width + j + 1] ?? 0))
    ) {
      steps.push(["removed", a[i] ?? ""]);
      i += 1;
    } else {
      steps.push(["added", b[j] ?? ""]);
      j += 1;
    }
  }
  return steps;
}

function shorten(text: string, isFirst: boolean, isLast: boolean): string {
  const words = text.split(/(?<=\s)/);
  const sides = (isFirst ? 0 : 1) + (isLast ? 0 : 1);
  if (words.length <= CONTEXT_WORDS * Math.max(1, sides) + 1) return text;
  const head = isFirst ? "" : words.slice(0, CONTEXT_WORDS).join("");
  const tail = isLast ? "" : words.slice(-CONTEXT_WORDS).join("");
  return `${head}… ${tail}`;
}
