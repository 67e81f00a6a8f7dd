/**
 * How ONNX Runtime's f32 products add up (MlasSgemmOperation and MlasGemmBatch in core/mlas/lib/sgemm.cpp). A product with
 * more columns than rows is split between threads by columns, in whole blocks. 128 products are added up at once, and more
 * where a part has 64 columns or less, unless the left side is transposed or the right side packed. So the rounding depends
 * on the number of threads where parts get that narrow.
 */
const BLOCK = 16;
const NARROW_COLUMNS = 64;
const LEAST_BLOCKS = NARROW_COLUMNS / BLOCK + 1;
/** Products that are added up at once, at least. */
export const RUN_LENGTH = 128;

/** The most threads that leave each a part of a product that is not narrow; at least one. */
export const mostThreads = (columns: number): number =>
  Math.max(1, Math.floor(Math.ceil(columns / BLOCK) / LEAST_BLOCKS));

/** Whether no part of a product is narrow. */
export const isSplitWide = (columns: number, threads: number): boolean =>
  columns > NARROW_COLUMNS && threads <= mostThreads(columns);
