/** What paired rows say about one metric: the difference, its interval, and how sure we are on which side of a margin it lies. */
import type { Metric } from "../metrics/metric.js";
import { bootstrap, DEFAULT_RESAMPLES } from "../stats/bootstrap.js";
import { mcnemarExact, type PairedCounts, tangoInterval, tangoTest } from "../stats/mcnemar.js";
import { type Measured, toColumns } from "../suites/measure.js";

export interface PairedScores {
  /** [n], the same rows in the same order. */
  readonly base: readonly Measured[];
  readonly head: readonly Measured[];
}

/** All in the metric's own direction: head - base. */
export interface Evidence {
  readonly base: number;
  readonly head: number;
  readonly delta: number;
  readonly ci: readonly [number, number];
  /** Of the difference of one row, so that the standard error over n rows is this / sqrt(n). */
  readonly rowDeviation: number;
  /** One-sided p of H0 "the difference is at most `threshold`". */
  readonly pAbove: (threshold: number) => number;
  /** One-sided p of H0 "the difference is at least `threshold`". */
  readonly pBelow: (threshold: number) => number;
}

/**
 * The same rows drawn for every rule and every comparison: verdicts depend on the results alone, not on who computes
 * them. The value has no meaning.
 */
const RESAMPLE_SEED = 20_231_117;

/**
 * - A 0/1 metric: Tango's score interval. p by McNemar's exact test at a threshold of 0; elsewhere, where McNemar's null
 *   says nothing, by Tango's score test.
 * - Any other metric: BCa bootstrap of the paired difference; p inverts the same interval.
 * - Rows none of which differ: the interval is [delta, delta]. Decoding is greedy and deterministic, so equal answers are
 *   equal for sure, and the paired difference has no spread to estimate.
 */
export function weigh(
  metric: Metric,
  scores: PairedScores,
  confidence: number,
  resamples = DEFAULT_RESAMPLES,
): Evidence {
  if (metric.kind === "mean" && metric.isBinary) return weighBinary(scores, confidence);
  const [base, head] = [toColumns(metric, scores.base), toColumns(metric, scores.head)];
  const width = base.columns.length;
  const n = scores.head.length;
  const result =
    metric.kind === "mean"
      ? // Differences first: a column of equal differences has no spread, and rounding stays out of it.
        bootstrap(
          {
            columns: [Float64Array.from({ length: n }, (_, i) => scores.head[i]!.score - scores.base[i]!.score)],
            n,
            aggregate: ([total = 0]) => total / n,
          },
          { confidence, seed: RESAMPLE_SEED, resamples },
        )
      : bootstrap(
          {
            columns: [...base.columns, ...head.columns],
            n,
            aggregate: (sums) => head.aggregate(sums.subarray(width)) - base.aggregate(sums.subarray(0, width)),
          },
          { confidence, seed: RESAMPLE_SEED, resamples },
        );
  const same = scores.head.every((row, i) => isSame(row, scores.base[i]));
  return {
    base: base.aggregate(totals(base.columns)),
    head: head.aggregate(totals(head.columns)),
    delta: same ? 0 : result.estimate,
    ci: same ? [0, 0] : result.ci,
    rowDeviation: same ? 0 : result.standardError * Math.sqrt(n),
    pAbove: same ? (threshold) => (threshold <= 0 ? 0 : 1) : result.pAbove,
    pBelow: same ? (threshold) => (threshold >= 0 ? 0 : 1) : result.pBelow,
  };
}

function weighBinary({ base, head }: PairedScores, confidence: number): Evidence {
  const n = head.length;
  const counts: PairedCounts = {
    n,
    gains: head.filter((row, i) => row.score > (base[i]?.score ?? 0)).length,
    losses: head.filter((row, i) => row.score < (base[i]?.score ?? 0)).length,
  };
  const delta = (counts.gains - counts.losses) / n;
  const changed = counts.gains + counts.losses;
  const values = { base: mean(base), head: mean(head), delta };
  if (changed === 0) {
    const pAbove = (threshold: number): number => (threshold <= 0 ? 0 : 1);
    return { ...values, ci: [0, 0], rowDeviation: 0, pAbove, pBelow: (threshold) => (threshold >= 0 ? 0 : 1) };
  }
  const exact = mcnemarExact(counts);
  return {
    ...values,
    ci: tangoInterval(counts, confidence),
    rowDeviation: Math.sqrt(changed / n - delta * delta),
    pAbove: (threshold) => (threshold === 0 ? exact.pBetter : tangoTest(counts, threshold).pAbove),
    pBelow: (threshold) => (threshold === 0 ? exact.pWorse : tangoTest(counts, threshold).pBelow),
  };
}

function mean(rows: readonly Measured[]): number {
  return rows.reduce((sum, row) => sum + row.score, 0) / rows.length;
}

function totals(columns: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(columns, (column) => Array.from(column).reduce((sum, value) => sum + value, 0));
}

function isSame(a: Measured, b: Measured | undefined): boolean {
  if (b === undefined || a.score !== b.score) return false;
  const keys = new Set([...Object.keys(a.statistics ?? {}), ...Object.keys(b.statistics ?? {})]);
  return [...keys].every((key) => (a.statistics?.[key] ?? 0) === (b.statistics?.[key] ?? 0));
}
