/**
 * How ONNX Runtime's f32 products add up (MlasSgemmOperation and MlasGemmBatch in core/mlas/lib/sgemm.cpp). A product with
 * more columns than rows is split between threads by columns, in whole blocks. 128 products are added up at once, and more
 * where a part has 64 columns or less, unless the left side is transposed or the right side packed. So the rounding depends
 * on the number of threads where parts get that narrow.
 */
import type { Shape } from "../../ir/shape.js";
import type { Symbols } from "../../ir/symbol.js";

const BLOCK = 16;
const NARROW_COLUMNS = 64;
const LEAST_BLOCKS = NARROW_COLUMNS / BLOCK + 1;
/** Products that are added up at once, at least. */
const RUN_LENGTH = 128;

/** The most threads that leave each a part of a product that is not narrow; at least one. */
export const mostThreads = (columns: number): number =>
  Math.max(1, Math.floor(Math.ceil(columns / BLOCK) / LEAST_BLOCKS));

/** Whether no part of a product is narrow. */
export const isSplitWide = (columns: number, threads: number): boolean =>
  columns > NARROW_COLUMNS && threads <= mostThreads(columns);

/**
 * Whether the rounding of a product [..., rows, columns] may depend on the number of threads, for any open sizes.
 * @param product `inner`: how many values each of its elements adds up
 */
export function mayDependOnThreads(
  { shape, inner }: { readonly shape: Shape; readonly inner: number },
  symbols: Symbols,
  threads: number,
): boolean {
  const isOpen = (dim: number): boolean => symbols.parse(dim) !== null;
  const [rows, columns] = shape.slice(-2) as [number, number];
  if (!isOpen(columns) && isSplitWide(columns, threads)) return false;
  if (!isOpen(inner) && inner <= RUN_LENGTH) return false;
  if (!isOpen(rows)) return isOpen(columns) || rows < columns;
  return isOpen(columns) || leastRows(rows, inner, symbols) < columns;
}

/** How many rows a product has at least whose runs are longer than RUN_LENGTH; both sizes open, or `rows` alone. */
function leastRows(rows: number, inner: number, symbols: Symbols): number {
  const [row, run] = [symbols.parse(rows)!, symbols.parse(inner)];
  const isOfTheSame = run !== null && row.plus === 0 && run.plus === 0 && `${row.symbols}` === `${run.symbols}`;
  // Of an axis that both have, the rows are so many for each product of a run.
  if (isOfTheSame) return Math.ceil(((RUN_LENGTH + 1) * row.factor) / run.factor);
  return run && rows % inner === 0 ? RUN_LENGTH + 1 : symbols.leastTokens;
}
