/** For tests: results, rows and gates from a few numbers. */
import type { EvalRow, GateConfig, GateRule, Generate, ResultRow, Results, SuiteConfig } from "@gitune/core";
import { runSuite } from "../suites/run-suite.js";

export const CONFIDENCE = 0.95;

/** A gate rule; what is not given is null. */
export function rule(given: Partial<GateRule> & Pick<GateRule, "suite" | "metric">): GateRule {
  return { slice: null, maxRegression: null, min: null, max: null, ...given };
}

export function gate(...rules: GateRule[]): GateConfig {
  return { confidence: CONFIDENCE, inconclusive: "allow", rules };
}

export function evalRow(id: string, target: string, given: Partial<EvalRow> = {}): EvalRow {
  return {
    id,
    prompt: { kind: "text", text: `prompt of ${id}` },
    references: [target],
    tags: [],
    file: "evals/answers.jsonl",
    line: Number(id.replace(/\D/g, "")) + 1,
    ...given,
  };
}

/** A row with a label in place of references. */
export function labelRow(id: string, label: string, tags: readonly string[] = []): EvalRow {
  const { references: _, ...row } = evalRow(id, label, { tags });
  return { ...row, label };
}

export function suiteConfig(metrics: readonly string[], name = "answers"): SuiteConfig {
  return {
    name,
    data: "evals/answers.jsonl",
    metrics,
    generation: { maxNewTokens: 16, temperature: 0, topP: 1, topK: 0, repetitionPenalty: 1, stop: [] },
  };
}

/** Answers each prompt by the prediction in its place. */
export function answering(predictions: readonly string[]): Generate {
  return async (prompts) =>
    prompts.map((_, i) => ({
      text: predictions[i] ?? "",
      promptTokens: 10,
      completionTokens: 2,
      latencyMs: 10 * (i + 1),
      stop: "eos" as const,
    }));
}

/** Really runs a suite over given predictions, and wraps it as a result. */
export async function resultsOf(
  rows: readonly EvalRow[],
  predictions: readonly string[],
  metrics: readonly string[],
  name = "answers",
): Promise<Results> {
  const suite = await runSuite({
    suite: suiteConfig(metrics, name),
    rows,
    generate: answering(predictions),
    dataSha256: "d".repeat(64),
    confidence: CONFIDENCE,
    seed: 1,
  });
  return {
    version: 1,
    project: "support-tickets",
    base: { id: "models/small", revision: null, sha256: "b".repeat(64) },
    adapter: { path: "adapter", sha256: "a".repeat(64) },
    template_sha256: "t".repeat(64),
    environment: { device: "cpu" },
    suites: [suite],
  };
}

/** Results of one suite from ready row scores, for statistics without text. */
export function scoredResults(
  metric: string,
  scores: readonly number[],
  tags: readonly (readonly string[])[] = [],
): Results {
  const rows = scores.map(
    (score, i): ResultRow => ({
      id: `r${i}`,
      prediction: "",
      scores: { [metric]: score },
      prompt_tokens: 1,
      completion_tokens: 1,
      latency_ms: 1,
      stop: "eos",
      tags: tags[i] ?? [],
    }),
  );
  const value = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const summary = { [metric]: { value, n: scores.length, ci: [value, value] as const, signature: `${metric}|test` } };
  const slices = Object.fromEntries([...new Set(tags.flat())].map((tag) => [tag, summary]));
  return {
    version: 1,
    project: "p",
    base: { id: "m", revision: null, sha256: "b" },
    adapter: null,
    template_sha256: "t",
    environment: {},
    suites: [
      {
        name: "s",
        data_sha256: "d",
        metrics: summary,
        slices,
        usage: { prompt_tokens: 0, completion_tokens: 0, latency_ms: { p50: 0, p95: 0 }, errors: 0, length_stops: 0 },
        rows,
      },
    ],
  };
}
