/** The metrics there are. A new one is a file of its own and a line here (docs/adding-a-metric.md). */
import { didYouMean, GituneError } from "@gitune/core";
import { accuracy } from "./accuracy.js";
import { bleu } from "./bleu.js";
import { chrf } from "./chrf.js";
import { exactMatch } from "./exact-match.js";
import type { Metric } from "./metric.js";
import { rougeL } from "./rouge-l.js";
import { rougeLsum } from "./rouge-lsum.js";
import { rouge1, rouge2 } from "./rouge-n.js";
import { tokenF1 } from "./token-f1.js";

const LIST: readonly Metric[] = [rouge1, rouge2, rougeL, rougeLsum, bleu, chrf, exactMatch, accuracy, tokenF1];

/** Every metric by its name. */
export const METRICS: ReadonlyMap<string, Metric> = new Map(LIST.map((metric) => [metric.name, metric]));

/** The names that a suite's `metrics` may hold, in the table's order. */
export const metricNames: readonly string[] = LIST.map((metric) => metric.name);

/** @throws {GituneError} `eval.unknown-metric` */
export function findMetric(name: string): Metric {
  const metric = METRICS.get(name);
  if (metric !== undefined) return metric;
  const fix = didYouMean(name, metricNames);
  throw new GituneError({
    code: "eval.unknown-metric",
    severity: "error",
    message: `there is no metric "${name}"`,
    expected: `one of ${metricNames.join(", ")}`,
    found: name,
    ...(fix === undefined ? {} : { fix }),
  });
}
