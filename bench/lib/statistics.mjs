/** What pairs of measurements say. */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * Ratios a / b of measurements that were taken one after the other.
 * @param {readonly number[]} a
 * @param {readonly number[]} b
 */
export function ratioOf(a, b) {
  const ratios = a.map((value, i) => value / b[i]);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios), pairs: ratios.length };
}

/** E.g. `1.52 (1.47-1.60)`. */
export const formatRatio = ({ median: middle, min, max }) =>
  `${middle.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;

/** Largest |a - b| / |b|. */
export const maxRelative = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i]) / Math.abs(b[i])));
