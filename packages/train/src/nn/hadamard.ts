/**
 * A rotation that spreads what stands out in a few columns over a block of them, so that a row has one scale for all its
 * values without losing the small ones: blocks of Sylvester's Hadamard matrix behind random signs, as in QuIP# and QuaRot
 * (Tseng et al. 2024, https://arxiv.org/abs/2402.04396 §3; Ashkboos et al. 2024, https://arxiv.org/abs/2404.00456 §3).
 * Being orthogonal it leaves products as they are: (x R)(w R)ᵀ = x wᵀ.
 */

/** Larger blocks spread further and cost more; 64 brought SmolLM2's gradients within 0.4% of the best cosine. */
const LARGEST_BLOCK = 64;
/** Below, too little is spread. */
const SMALLEST_BLOCK = 16;

/** The block size for rows of `width` columns: the largest power of two up to 64 that divides it; null where that is below 16. */
export function rotationBlock(width: number): number | null {
  let block = LARGEST_BLOCK;
  while (width % block !== 0) block /= 2;
  return block < SMALLEST_BLOCK ? null : block;
}

/** R of one block, [size, size] row-major: diag(signs) H / sqrt(size). @param size a power of two up to 64 */
export function rotationMatrix(size: number): Float32Array {
  const scale = 1 / Math.sqrt(size);
  return Float32Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    return isOdd(row & column) === NEGATIVE_ROWS.has(row) ? scale : -scale;
  });
}

/** Rows whose sign is negative: drawn once, by coin. */
const NEGATIVE_ROWS: ReadonlySet<number> = new Set([
  1, 2, 4, 7, 8, 9, 13, 15, 18, 19, 20, 22, 25, 28, 29, 31, 33, 36, 37, 38, 40, 43, 45, 46, 48, 50, 51, 55, 58, 59, 61,
  62,
]);

/** Whether the number has an odd count of ones: then H is negative there. */
function isOdd(bits: number): boolean {
  let rest = bits;
  for (const shift of [4, 2, 1]) rest ^= rest >> shift;
  return (rest & 1) === 1;
}

/** Rotates every block of every row in place. @param rows [n, width] with `size` dividing width */
export function rotateRows(rows: Float32Array, size: number): void {
  const signs = Float32Array.from({ length: size }, (_, i) => (NEGATIVE_ROWS.has(i) ? -1 : 1) / Math.sqrt(size));
  for (let start = 0; start < rows.length; start += size) {
    for (let i = 0; i < size; i++) rows[start + i] = rows[start + i]! * signs[i]!;
    // The fast Walsh-Hadamard transform: log2(size) rounds of sums and differences.
    for (let half = 1; half < size; half *= 2) {
      for (let group = start; group < start + size; group += 2 * half) {
        for (let i = group; i < group + half; i++) {
          const a = rows[i]!;
          const b = rows[i + half]!;
          rows[i] = a + b;
          rows[i + half] = a - b;
        }
      }
    }
  }
}
