import type { EncodedRows } from "../data/encoded-rows.js";

/** Rows of given ids; every token but the first `unlabelled` is a label. */
export function fixedRows(rows: readonly (readonly number[])[], unlabelled = 1): EncodedRows {
  const labels = (index: number) => Math.max(0, (rows[index]?.length ?? 0) - unlabelled);
  return {
    length: rows.length,
    padId: 0,
    sha256: "",
    stats: { rows: 0, cut: 0, cutTokens: 0, dropped: 0, tokens: 0, supervisedTokens: 0, longest: 0 },
    rowLength: (index) => rows[index]?.length ?? 0,
    rowLabels: labels,
    row: (index) => ({
      ids: Int32Array.from(rows[index] ?? []),
      labelMask: Uint8Array.from(rows[index] ?? [], (_, position) => (position >= unlabelled ? 1 : 0)),
    }),
    place: (index) => `x.jsonl:${index + 1}`,
  };
}
