import type { Comparison, Results } from "@gitune/core";

/**
 * The text of `results.json` and of `compare --json`: keys in the order of contracts.md §5, two spaces, a line feed at
 * the end; the same value gives the same bytes.
 */
export function toJson(value: Comparison | Results): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
