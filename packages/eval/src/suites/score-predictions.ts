/** Scores given predictions: the `score` verb. */
import type { MetricValue } from "@gitune/core";
import { GituneError } from "@gitune/core";
import type { ScoredText } from "../metrics/metric.js";
import { findMetric } from "../metrics/table.js";
import { type IntervalOptions, measureRow, type RowPlace, refuseRows, summarize } from "./measure.js";

export interface PredictionRow extends RowPlace {
  readonly id?: string;
  readonly prediction: string;
  /** At least one; the only one of a classifying row is its label. */
  readonly references: readonly string[];
}

/** What to score, and by which metrics. */
export interface ScorePredictionsInput extends IntervalOptions {
  readonly rows: readonly PredictionRow[];
  readonly metrics: readonly string[];
}

export interface PredictionScores {
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** In the order given; `id` is the row's own, or its number from 1. The rest are scores by metric. */
  readonly rows: readonly ({ readonly id: string } & Readonly<Record<string, string | number>>)[];
}

/** @throws {GituneError} `eval.empty-suite`, `eval.unknown-metric`, `eval.not-applicable` */
export function scorePredictions(input: ScorePredictionsInput): PredictionScores {
  const metrics = [...new Set(input.metrics)].map(findMetric);
  if (input.rows.length === 0) {
    throw new GituneError({
      code: "eval.empty-suite",
      severity: "error",
      message: "there are no predictions to score",
      expected: "at least one row",
      found: "none",
    });
  }
  const texts = input.rows.map(toScored);
  refuseRows(texts, metrics);
  const columns = metrics.map((metric) => ({ metric, measured: texts.map((text) => measureRow(text, metric)) }));
  return {
    metrics: Object.fromEntries(
      columns.map(({ metric, measured }) => [metric.name, summarize(metric, measured, input)]),
    ),
    rows: texts.map(({ id }, index) => ({
      ...Object.fromEntries(columns.map(({ metric, measured }) => [metric.name, measured[index]?.score ?? 0])),
      id,
    })),
  };
}

function toScored(row: PredictionRow, index: number): ScoredText & RowPlace {
  const { references } = row;
  return {
    id: row.id ?? String(index + 1),
    prediction: row.prediction,
    references,
    label: references.length === 1 ? (references[0] ?? null) : null,
    ...(row.file === undefined ? {} : { file: row.file }),
    ...(row.line === undefined ? {} : { line: row.line }),
  };
}
