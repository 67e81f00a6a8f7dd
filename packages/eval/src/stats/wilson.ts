import { normalQuantile } from "./normal.js";

/**
 * Wilson's score interval of a proportion: good coverage at few rows and near 0 and 1, where the textbook interval fails.
 * @param successes 0 .. n  @param n at least 1  @param confidence (0, 1), e.g. 0.95
 * @see Wilson 1927, Probable Inference; no continuity correction
 */
export function wilson(successes: number, n: number, confidence: number): readonly [number, number] {
  const z = normalQuantile(0.5 + confidence / 2);
  const share = successes / n;
  const scale = 1 + (z * z) / n;
  const middle = (share + (z * z) / (2 * n)) / scale;
  const half = (z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))) / scale;
  // At the ends the bound is 0 or 1 exactly; rounding would leave 1e-17.
  return [successes === 0 ? 0 : Math.max(0, middle - half), successes === n ? 1 : Math.min(1, middle + half)];
}
