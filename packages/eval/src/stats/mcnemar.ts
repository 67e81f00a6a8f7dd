/** Paired 0/1 outcomes: McNemar's exact test, and Tango's score interval and test of the difference. */
import { normalCdf, normalQuantile } from "./normal.js";

/** How n paired rows went: `gains` were wrong and are right now, `losses` the other way round. */
export interface PairedCounts {
  readonly n: number;
  readonly gains: number;
  readonly losses: number;
}

export interface McNemarResult {
  /** Of "no difference". */
  readonly pTwoSided: number;
  /** Of "the head is not better"; small where it is better. */
  readonly pBetter: number;
  /** Of "the head is not worse"; small where it is worse. */
  readonly pWorse: number;
}

/**
 * McNemar's test in its exact form: given the rows that changed, gains are binomial with 1/2 if nothing changed at heart.
 * Exact for every count; equal to scipy's `binomtest(gains, gains + losses)`.
 * @see McNemar 1947; Fagerland et al. 2013, The McNemar test for binary matched-pairs data
 */
export function mcnemarExact({ gains, losses }: Pick<PairedCounts, "gains" | "losses">): McNemarResult {
  const changed = gains + losses;
  const atMostGains = binomialHalfCdf(gains, changed);
  const atMostLosses = binomialHalfCdf(losses, changed);
  return {
    pTwoSided: Math.min(1, 2 * Math.min(atMostGains, atMostLosses)),
    // By symmetry P(X >= gains) = P(X <= losses).
    pBetter: atMostLosses,
    pWorse: atMostGains,
  };
}

/**
 * P(X <= k) of X ~ Binomial(n, 1/2). Walks from the middle outwards by ratios, so nothing overflows and the relative
 * error stays near 1e-13 for tens of thousands of rows; below 1e-308 it is 0.
 */
export function binomialHalfCdf(k: number, n: number): number {
  if (k >= n) return 1;
  if (k < 0) return 0;
  // The upper half through the lower one: the smaller tail keeps its digits.
  if (2 * k >= n) return 1 - binomialHalfCdf(n - k - 1, n);
  const middle = Math.floor(n / 2);
  let mass = 1;
  for (let i = 1; i <= middle; i++) mass *= (2 * i - 1) / (2 * i);
  if (n % 2 === 1) mass *= n / (n + 1);
  for (let i = middle; i > k; i--) mass *= i / (n - i + 1);
  let sum = 0;
  for (let i = k; i >= 0 && mass > sum * 1e-18; i--) {
    sum += mass;
    mass *= i / (n - i + 1);
  }
  return sum;
}

/**
 * Tango's score statistic of H0: P(right now) - P(right before) = delta; standard normal under H0, and its square is
 * McNemar's at delta = 0.
 * @see Tango 1998, Equivalence test and confidence interval for the difference in proportions for the paired-sample design
 */
function tangoStatistic({ n, gains, losses }: PairedCounts, delta: number): number {
  const distance = gains - losses - n * delta;
  if (distance === 0) return 0;
  const b = -(gains + losses) + (2 * n - gains + losses) * delta;
  const c = -losses * delta * (1 - delta);
  // The probability of a loss that is likeliest under H0.
  const lossShare = (Math.sqrt(Math.max(0, b * b - 8 * n * c)) - b) / (4 * n);
  const variance = n * (2 * lossShare + delta * (1 - delta));
  return variance > 0 ? distance / Math.sqrt(variance) : Math.sign(distance) * Number.POSITIVE_INFINITY;
}

/** One-sided p-values of the difference against `threshold`, by Tango's score test. */
export function tangoTest(
  counts: PairedCounts,
  threshold: number,
): { readonly pAbove: number; readonly pBelow: number } {
  const z = tangoStatistic(counts, threshold);
  return { pAbove: normalCdf(-z), pBelow: normalCdf(z) };
}

/** Tango's interval of the paired difference: the deltas that his score test does not reject. In -1..1. */
export function tangoInterval(counts: PairedCounts, confidence: number): readonly [number, number] {
  const z = normalQuantile(0.5 + confidence / 2);
  const estimate = (counts.gains - counts.losses) / counts.n;
  return [
    bisect(-1, estimate, (delta) => tangoStatistic(counts, delta) > z),
    bisect(estimate, 1, (delta) => tangoStatistic(counts, delta) > -z),
  ];
}

/** Where a predicate that is true at `from` and false at `to` turns, to the last bit. */
function bisect(from: number, to: number, isBefore: (x: number) => boolean): number {
  let [low, high] = [from, to];
  for (let step = 0; step < 200; step++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (isBefore(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
