/** Text rules that the metrics share. Python's rules where a Python package defines the metric. */

/** What `str.split()` and `str.rstrip()` take for white space; JavaScript's `\s` has U+FEFF and lacks U+001C-1F, U+0085. */
const PYTHON_SPACE = "\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const PYTHON_SPACES = new RegExp(`[${PYTHON_SPACE}]+`);
const PYTHON_TRAILING_SPACES = new RegExp(`[${PYTHON_SPACE}]+$`);

/** Python's `text.split()`: words between runs of white space, none of them empty. */
export function splitWords(text: string): string[] {
  return text.split(PYTHON_SPACES).filter((word) => word !== "");
}

/** Python's `text.rstrip()`. */
export function trimEnd(text: string): string {
  return text.replace(PYTHON_TRAILING_SPACES, "");
}

/** NFC, no white space at either end, runs of white space as one space. Case is kept. */
export function normalizeSpaces(text: string): string {
  return splitWords(text.normalize("NFC")).join(" ");
}

/** How often each item occurs. */
export function countItems(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Sum over the items of the smaller of the two counts. */
export function overlap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let common = 0;
  for (const [item, count] of a) common += Math.min(count, b.get(item) ?? 0);
  return common;
}

/** Harmonic mean of precision and recall, each in 0..1; 0 where both are 0. */
export function f1(precision: number, recall: number): number {
  return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
}

/** The largest of the row's scores against each reference. */
export function bestOf(references: readonly string[], score: (reference: string) => number): number {
  return references.reduce((best, reference) => Math.max(best, score(reference)), 0);
}
