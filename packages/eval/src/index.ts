/** Public names of this package, one by one. */
export { compareResults, gateExitCode } from "./gate/compare-results.js";
export type { CorpusMetric, MeanMetric, Metric, Refusal, ScoredText, Statistics } from "./metrics/metric.js";
export { findMetric, METRICS, metricNames } from "./metrics/table.js";
export { capGraphemes } from "./report/escape.js";
export { formatInterval, formatScore } from "./report/format.js";
export { renderHtml } from "./report/render-html.js";
export { type MarkdownOptions, renderMarkdown } from "./report/render-markdown.js";
export {
  buildReport,
  type JudgedRule,
  type MetricLine,
  type Report,
  type ReportExample,
  type ReportInput,
  type ReportRef,
  type SuiteLines,
  type TrainSummary,
} from "./report/report.js";
export { toJson } from "./report/to-json.js";
export { ruleText, verdictSentence } from "./report/verdict-sentence.js";
export {
  type BootstrapInput,
  type BootstrapOptions,
  type BootstrapResult,
  bootstrap,
  bootstrapPaired,
} from "./stats/bootstrap.js";
export { holm } from "./stats/holm.js";
export {
  type McNemarResult,
  mcnemarExact,
  type PairedCounts,
  tangoInterval,
  tangoTest,
} from "./stats/mcnemar.js";
export { wilson } from "./stats/wilson.js";
export { type RunSuiteInput, rescore, runSuite } from "./suites/run-suite.js";
export {
  type PredictionRow,
  type PredictionScores,
  type ScorePredictionsInput,
  scorePredictions,
} from "./suites/score-predictions.js";
