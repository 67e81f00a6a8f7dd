/**
 * The bootstrap over rows, with bias-corrected and accelerated (BCa) intervals.
 * Everything is a function of sums over rows (a mean is sum / n), so one resampler serves means, BLEU and paired
 * differences of either: a resample adds up columns, then `aggregate` turns the sums into the value.
 * @see Efron & Tibshirani 1993, An Introduction to the Bootstrap, §14.3 and §15.4
 */
import { normalCdf, normalQuantile } from "./normal.js";
import { Xoshiro128 } from "./random.js";

/** For what decides. The Monte-Carlo error of a 2.5% bound is then about 1% of the interval's width. */
export const DEFAULT_RESAMPLES = 10_000;
/** For what is only shown: an interval of a value that no rule judges. About 2.5% of its width. */
export const SHOWN_RESAMPLES = 2000;

/** Keeps shares off 0 and 1, where quantiles are infinite. */
const SMALLEST_SHARE = 1e-15;

export interface BootstrapOptions {
  /** (0, 1), two-sided. */
  readonly confidence: number;
  readonly seed: number;
  readonly resamples?: number;
}

export interface BootstrapInput {
  /** Each [n]: one number a row. */
  readonly columns: readonly Float64Array[];
  readonly n: number;
  /** @param sums one a column, over n rows drawn */
  readonly aggregate: (sums: Float64Array) => number;
}

export interface BootstrapResult {
  readonly estimate: number;
  readonly ci: readonly [number, number];
  /** Standard deviation of the resampled estimates. */
  readonly standardError: number;
  /**
   * One-sided p-value of H0 "the true value is at most `threshold`": the level at which the BCa lower bound is
   * `threshold`, so p <= α where the one-sided interval at 1 - α lies above it. Past the last resample the normal tail
   * goes on, so that a difference that is plain to see stays so under Holm's adjustment of many rules.
   */
  readonly pAbove: (threshold: number) => number;
  /** The same of H0 "the true value is at least `threshold`". */
  readonly pBelow: (threshold: number) => number;
}

/** Resamples rows with replacement. The same seed and n draw the same rows, whatever the columns hold. */
export function bootstrap(input: BootstrapInput, options: BootstrapOptions): BootstrapResult {
  const { columns, aggregate } = input;
  const resamples = options.resamples ?? DEFAULT_RESAMPLES;
  const totals = Float64Array.from(columns, (column) => sum(column));
  const estimate = aggregate(totals);
  if (columns.every(isConstant)) return degenerate(estimate);

  const sorted = resample(input, resamples, options.seed).sort();
  // Scipy's "mean" rule for ties: half of those that equal the estimate lie below it.
  const share = (countBelow(sorted, estimate) + countAtMost(sorted, estimate)) / (2 * resamples);
  const bias = normalQuantile(clampShare(share, resamples));
  const acceleration = accelerate(input, totals);

  const bound = (level: number): number => {
    const shifted = bias + normalQuantile(level);
    return quantile(sorted, normalCdf(bias + shifted / (1 - acceleration * shifted)));
  };
  /** The level whose bound is where `below` of the resamples lie below it. */
  const levelAt = (below: number): number => {
    const shifted = normalQuantile(below) - bias;
    const denominator = 1 + acceleration * shifted;
    // Past the pole every level's bound lies on the near side.
    if (denominator <= 0) return shifted > 0 ? 1 : 0;
    return normalCdf(shifted / denominator - bias);
  };
  const standardError = standardDeviation(sorted);
  /** Share of the estimates on the far side of a threshold, of which `count` resamples were seen. */
  const farShare = (count: number, threshold: number): number => {
    if (count > 0) return Math.min((count + 1) / (resamples + 1), 1 - SMALLEST_SHARE);
    const normalTail = normalCdf(-Math.abs(estimate - threshold) / standardError);
    return Math.max(Math.min(1 / (resamples + 1), normalTail), SMALLEST_SHARE);
  };
  const tail = (1 - options.confidence) / 2;
  return {
    estimate,
    ci: [bound(tail), bound(1 - tail)],
    standardError,
    pAbove: (threshold) => levelAt(farShare(countBelow(sorted, threshold), threshold)),
    pBelow: (threshold) => 1 - levelAt(1 - farShare(resamples - countAtMost(sorted, threshold), threshold)),
  };
}

/**
 * The mean difference head - base over paired rows.
 * @param base [n] @param head [n], the same rows in the same order
 */
export function bootstrapPaired(
  base: ArrayLike<number>,
  head: ArrayLike<number>,
  options: BootstrapOptions,
): BootstrapResult {
  const n = base.length;
  const differences = Float64Array.from({ length: n }, (_, row) => (head[row] ?? 0) - (base[row] ?? 0));
  return bootstrap({ columns: [differences], n, aggregate: ([total = 0]) => total / n }, options);
}

/** Every resample is the same: nothing varies, and p says only on which side the value lies. */
function degenerate(estimate: number): BootstrapResult {
  return {
    estimate,
    ci: [estimate, estimate],
    standardError: 0,
    pAbove: (threshold) => (estimate >= threshold ? 0 : 1),
    pBelow: (threshold) => (estimate <= threshold ? 0 : 1),
  };
}

function resample({ columns, n, aggregate }: BootstrapInput, resamples: number, seed: number): Float64Array {
  const random = new Xoshiro128(seed);
  const values = new Float64Array(resamples);
  const sums = new Float64Array(columns.length);
  const drawn = new Uint32Array(n);
  for (let b = 0; b < resamples; b++) {
    random.fillBelow(drawn, n);
    for (let c = 0; c < columns.length; c++) sums[c] = sumDrawn(columns[c]!, drawn);
    values[b] = aggregate(sums);
  }
  return values;
}

function sumDrawn(column: Float64Array, drawn: Uint32Array): number {
  let total = 0;
  for (let i = 0; i < drawn.length; i++) total += column[drawn[i]!]!;
  return total;
}

/** Skewness of the jackknife: the estimate's change as each row is left out. 0 for fewer than two rows. */
function accelerate({ columns, n, aggregate }: BootstrapInput, totals: Float64Array): number {
  if (n < 2) return 0;
  // `aggregate` divides by the n that it knows: sums of n - 1 rows are scaled back to n.
  const scale = n / (n - 1);
  const left = new Float64Array(n);
  const sums = new Float64Array(columns.length);
  for (let row = 0; row < n; row++) {
    for (const [c, column] of columns.entries()) sums[c] = (totals[c]! - column[row]!) * scale;
    left[row] = aggregate(sums);
  }
  const mean = sum(left) / n;
  let [cubes, squares] = [0, 0];
  for (const value of left) {
    const distance = mean - value;
    cubes += distance ** 3;
    squares += distance ** 2;
  }
  return squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
}

/** Keeps BCa's bias finite where the estimate lies outside all resamples. */
function clampShare(share: number, resamples: number): number {
  return Math.min(Math.max(share, 0.5 / resamples), 1 - 0.5 / resamples);
}

function isConstant(column: ArrayLike<number>): boolean {
  for (let i = 1; i < column.length; i++) if (column[i] !== column[0]) return false;
  return true;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0;
  return total;
}

function standardDeviation(values: Float64Array): number {
  const mean = sum(values) / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / Math.max(values.length - 1, 1));
}

/** How many of the sorted values lie below x. */
function countBelow(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countAtMost(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Linear between neighbours (numpy's default, type 7).
 * @param sorted ascending, at least one @param share 0..1
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = Math.min(Math.max(share, 0), 1) * (sorted.length - 1);
  const low = Math.floor(at);
  const [a, b] = [sorted[low] ?? 0, sorted[Math.min(low + 1, sorted.length - 1)] ?? 0];
  return a + (b - a) * (at - low);
}
