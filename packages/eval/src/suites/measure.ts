/** From rows to scores, and from scores to a value with its interval. */
import { GituneError, type Issue, type MetricValue } from "@gitune/core";
import type { Metric, ScoredText, Statistics } from "../metrics/metric.js";
import { type BootstrapInput, bootstrap, SHOWN_RESAMPLES } from "../stats/bootstrap.js";
import { wilson } from "../stats/wilson.js";

/** What an interval needs of a row: its score, and its counts where the metric is no mean. */
export interface Measured {
  readonly score: number;
  readonly statistics?: Statistics;
}

/** Where a row stands, for the errors that name it. */
export interface RowPlace {
  readonly file?: string;
  readonly line?: number;
}

/** More are counted, not listed. */
const MAX_LISTED = 20;

/**
 * Checks that every row can be scored by every metric, before anything is generated.
 * @throws {GituneError} `eval.not-applicable`, an issue a row
 */
export function refuseRows(rows: readonly (ScoredText & RowPlace)[], metrics: readonly Metric[]): void {
  const issues = rows.flatMap((row) => metrics.flatMap((metric) => refusal(row, metric)));
  if (issues.length === 0) return;
  const rest = issues.length - MAX_LISTED;
  const listed = issues.slice(0, MAX_LISTED);
  if (rest > 0) listed.push({ code: "eval.not-applicable", severity: "error", message: `and ${rest} more rows` });
  throw new GituneError(listed);
}

function refusal(row: ScoredText & RowPlace, metric: Metric): Issue[] {
  const place = {
    code: "eval.not-applicable" as const,
    severity: "error" as const,
    row: row.id,
    ...(row.file === undefined ? {} : { file: row.file }),
    ...(row.line === undefined ? {} : { line: row.line }),
  };
  if (row.references.length === 0) {
    return [
      {
        ...place,
        message: `row ${row.id}: nothing to compare the prediction with`,
        expected: "at least one reference, or a label",
        found: "an empty list",
      },
    ];
  }
  if (metric.needs === "label" && row.label === null) {
    return [
      {
        ...place,
        message: `row ${row.id}: ${metric.name} needs one right answer`,
        expected: '"label", or exactly one reference',
        found: `${row.references.length} references`,
        fix: "give the row a label, or use exact_match",
      },
    ];
  }
  const why = metric.refuses?.(row);
  return why === undefined ? [] : [{ ...place, ...why, message: `row ${row.id}: ${metric.name}: ${why.message}` }];
}

/** One row under one metric. */
export function measureRow(row: ScoredText, metric: Metric): Measured {
  const score = metric.score(row);
  return metric.kind === "corpus" ? { score, statistics: metric.statistics(row) } : { score };
}

export interface IntervalOptions {
  /** (0, 1), two-sided. */
  readonly confidence: number;
  readonly seed: number;
}

/**
 * The metric over some rows, with its interval: Wilson's for 0/1 metrics, BCa over rows for all others.
 * @param rows at least one
 */
export function summarize(metric: Metric, rows: readonly Measured[], options: IntervalOptions): MetricValue {
  const n = rows.length;
  if (metric.kind === "mean" && metric.isBinary) {
    const hits = rows.reduce((sum, row) => sum + row.score, 0);
    return { value: hits / n, n, ci: wilson(hits, n, options.confidence), signature: metric.signature };
  }
  const { estimate, ci } = bootstrap(toColumns(metric, rows), { ...options, resamples: SHOWN_RESAMPLES });
  return { value: estimate, n, ci, signature: metric.signature };
}

/** The columns of numbers that add up to the metric, for the bootstrap. */
export function toColumns(metric: Metric, rows: readonly Measured[]): BootstrapInput {
  const n = rows.length;
  if (metric.kind === "mean") {
    return { columns: [Float64Array.from(rows, (row) => row.score)], n, aggregate: ([total = 0]) => total / n };
  }
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.statistics ?? {})))].sort();
  return {
    columns: names.map((name) => Float64Array.from(rows, (row) => row.statistics?.[name] ?? 0)),
    n,
    aggregate: (sums) => metric.aggregate(Object.fromEntries(names.map((name, c) => [name, sums[c] ?? 0]))),
  };
}
