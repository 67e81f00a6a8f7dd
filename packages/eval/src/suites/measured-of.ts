import { GituneError, type ResultRow } from "@gitune/core";
import type { Metric } from "../metrics/metric.js";
import type { Measured } from "./measure.js";

/**
 * What a stored row says about a metric.
 * @throws {GituneError} `eval.missing-score`
 */
export function measuredOf(row: ResultRow, metric: Metric): Measured {
  const score = row.scores[metric.name];
  const statistics = row.statistics?.[metric.name];
  if (score === undefined || (metric.kind === "corpus" && statistics === undefined)) {
    throw new GituneError({
      code: "eval.missing-score",
      severity: "error",
      row: row.id,
      message: `row ${row.id} of the results has no ${metric.name}`,
      expected: metric.kind === "corpus" ? "its score and its statistics" : "its score",
      found: score === undefined ? "no score" : "no statistics",
      fix: "run the suite again with this metric",
    });
  }
  return statistics === undefined ? { score } : { score, statistics };
}
