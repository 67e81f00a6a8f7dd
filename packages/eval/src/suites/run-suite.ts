/** Runs a suite: generates a prediction a row and scores them all. */
import {
  type EvalRow,
  type Generate,
  type Generation,
  GituneError,
  InternalError,
  type MetricValue,
  type OnProgress,
  type ResultRow,
  type SuiteConfig,
  type SuiteResult,
} from "@gitune/core";
import type { Metric, ScoredText } from "../metrics/metric.js";
import { findMetric } from "../metrics/table.js";
import { quantile } from "../stats/bootstrap.js";
import { type IntervalOptions, measureRow, refuseRows, summarize } from "./measure.js";
import { measuredOf } from "./measured-of.js";

export interface RunSuiteInput extends IntervalOptions {
  readonly suite: SuiteConfig;
  /** In the order of the results' rows; ids must differ. */
  readonly rows: readonly EvalRow[];
  readonly generate: Generate;
  /** sha256 (hex) of the suite's rows. */
  readonly dataSha256: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/**
 * Everything that can be refused is refused before the first token is generated. A row whose generation fails keeps its
 * place: it scores as an empty prediction and is counted in `usage.errors`, so that two results still pair.
 * @throws {GituneError} `eval.empty-suite`, `data.duplicate-id`, `eval.unknown-metric`, `eval.not-applicable`;
 *   `eval.generation-failed` (exit code 3) when no row at all could be generated
 */
export async function runSuite(input: RunSuiteInput): Promise<SuiteResult> {
  const { suite, rows, generate, onProgress, signal } = input;
  const metrics = suite.metrics.map(findMetric);
  refuseRowSet(suite, rows);
  refuseRows(
    rows.map((row) => ({ ...toScored(row, ""), file: row.file, line: row.line })),
    metrics,
  );

  const generations = await generate(
    rows.map((row) => row.prompt),
    { ...suite.generation, seed: input.seed },
    {
      onProgress: (done, total) =>
        onProgress?.({ phase: "evaluate", done, total, unit: "rows", detail: { suite: suite.name } }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  if (generations.length !== rows.length) {
    throw new InternalError(`generate gave ${generations.length} answers for ${rows.length} prompts`);
  }
  refuseAllFailed(suite, generations);

  const results = rows.map((row, index): ResultRow => {
    const generation = generations[index] ?? FAILED;
    return scoreRow(toScored(row, generation.text), metrics, row.tags, generation);
  });
  return summarizeSuite(suite.name, input.dataSha256, metrics, results, input);
}

/**
 * Computes a suite's values and slices again from its rows, e.g. at another confidence. Nothing is generated.
 * @param metricNames those of the rows' scores that are wanted
 */
export function rescore(suite: SuiteResult, metricNames: readonly string[], options: IntervalOptions): SuiteResult {
  return summarizeSuite(suite.name, suite.data_sha256, metricNames.map(findMetric), suite.rows, options);
}

const FAILED: Generation = { text: "", promptTokens: 0, completionTokens: 0, latencyMs: 0, stop: "error" };

function toScored(row: EvalRow, prediction: string): ScoredText {
  const label = row.label ?? null;
  return { id: row.id, prediction, references: row.references ?? (label === null ? [] : [label]), label };
}

function scoreRow(
  text: ScoredText,
  metrics: readonly Metric[],
  tags: readonly string[],
  generation: Generation,
): ResultRow {
  const measured = metrics.map((metric) => [metric.name, measureRow(text, metric)] as const);
  const statistics = measured.flatMap(([name, of]) => (of.statistics === undefined ? [] : [[name, of.statistics]]));
  return {
    id: text.id,
    prediction: text.prediction,
    scores: Object.fromEntries(measured.map(([name, of]) => [name, of.score])),
    prompt_tokens: generation.promptTokens,
    completion_tokens: generation.completionTokens,
    latency_ms: generation.latencyMs,
    stop: generation.stop,
    tags,
    ...(statistics.length > 0 ? { statistics: Object.fromEntries(statistics) } : {}),
  };
}

function summarizeSuite(
  name: string,
  dataSha256: string,
  metrics: readonly Metric[],
  rows: readonly ResultRow[],
  options: IntervalOptions,
): SuiteResult {
  const tags = [...new Set(rows.flatMap((row) => row.tags ?? []))].sort();
  return {
    name,
    data_sha256: dataSha256,
    metrics: summarizeAll(metrics, rows, options),
    slices: Object.fromEntries(
      tags.map((tag) => [
        tag,
        summarizeAll(
          metrics,
          rows.filter((row) => row.tags?.includes(tag)),
          options,
        ),
      ]),
    ),
    usage: usageOf(rows),
    rows,
  };
}

function summarizeAll(
  metrics: readonly Metric[],
  rows: readonly ResultRow[],
  options: IntervalOptions,
): Record<string, MetricValue> {
  return Object.fromEntries(
    metrics.map((metric) => [
      metric.name,
      summarize(
        metric,
        rows.map((row) => measuredOf(row, metric)),
        options,
      ),
    ]),
  );
}

function usageOf(rows: readonly ResultRow[]): SuiteResult["usage"] {
  const latencies = rows
    .filter((row) => row.stop !== "error")
    .map((row) => row.latency_ms)
    .sort((a, b) => a - b);
  return {
    prompt_tokens: rows.reduce((sum, row) => sum + row.prompt_tokens, 0),
    completion_tokens: rows.reduce((sum, row) => sum + row.completion_tokens, 0),
    latency_ms: { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95) },
    errors: rows.filter((row) => row.stop === "error").length,
    length_stops: rows.filter((row) => row.stop === "length").length,
  };
}

function refuseRowSet(suite: SuiteConfig, rows: readonly EvalRow[]): void {
  if (rows.length === 0) {
    throw new GituneError({
      code: "eval.empty-suite",
      severity: "error",
      file: suite.data,
      message: `suite "${suite.name}" has no rows`,
      expected: "at least one row",
      found: "none",
    });
  }
  const first = new Map<string, EvalRow>();
  for (const row of rows) {
    const before = first.get(row.id);
    first.set(row.id, before ?? row);
    if (before === undefined) continue;
    throw new GituneError({
      code: "data.duplicate-id",
      severity: "error",
      file: row.file,
      line: row.line,
      row: row.id,
      message: `suite "${suite.name}" has two rows with the id "${row.id}"`,
      expected: "ids that differ, since rows are paired by them",
      found: `the id of ${before.file}:${before.line}`,
    });
  }
}

/** A suite without a single answer has no scores worth a name: the machine failed, not the model. */
function refuseAllFailed(suite: SuiteConfig, generations: readonly Generation[]): void {
  if (generations.some((generation) => generation.stop !== "error")) return;
  throw new GituneError(
    {
      code: "eval.generation-failed",
      severity: "error",
      message: `suite "${suite.name}": generation failed for each of its ${generations.length} rows`,
      found: generations[0]?.error ?? "no reason given",
    },
    { exitCode: 3 },
  );
}
