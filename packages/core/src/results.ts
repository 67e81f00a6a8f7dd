/** The shapes of `results.json` and `compare --json` (contracts.md §5). Field names are a promise. */
import type { StopReason } from "./generation.js";

export interface MetricValue {
  /** ROUGE, accuracy, exact match and F1 in 0..1; BLEU and chrF in 0..100. */
  readonly value: number;
  /** Rows scored. */
  readonly n: number;
  readonly ci: readonly [number, number];
  /** What exactly was computed, in one line, e.g. `rouge|impl:rouge_score|stem:0|tok:a-z0-9`. */
  readonly signature: string;
}

export interface ResultRow {
  readonly id: string;
  readonly prediction: string;
  readonly scores: Readonly<Record<string, number>>;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly latency_ms: number;
  readonly stop: StopReason;
  /** The row's tags, so that slices can be compared from two results alone. */
  readonly tags?: readonly string[];
  /** For a metric that is no mean of row scores (BLEU, chrF): metric -> the row's counts, so that two results suffice to resample. */
  readonly statistics?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface SuiteResult {
  readonly name: string;
  readonly data_sha256: string;
  readonly metrics: Readonly<Record<string, MetricValue>>;
  /** tag -> metric -> value */
  readonly slices: Readonly<Record<string, Readonly<Record<string, MetricValue>>>>;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly latency_ms: { readonly p50: number; readonly p95: number };
    readonly errors: number;
    readonly length_stops: number;
  };
  readonly rows: readonly ResultRow[];
}

/** What one evaluation found: `results.json` (contracts.md §5). */
export interface Results {
  readonly version: 1;
  readonly project: string;
  readonly base: { readonly id: string; readonly revision: string | null; readonly sha256: string };
  readonly adapter: { readonly path: string; readonly sha256: string } | null;
  readonly template_sha256: string;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly suites: readonly SuiteResult[];
}

/** What the gate says; inconclusive where the rows are too few to tell. */
export type Verdict = "pass" | "fail" | "inconclusive";

export interface RuleOutcome {
  readonly suite: string;
  readonly metric: string;
  readonly slice?: string;
  readonly base: number;
  readonly head: number;
  /** head - base */
  readonly delta: number;
  readonly ci: readonly [number, number];
  /** One-sided, of "worse by more than the margin does not hold"; null for an absolute threshold. */
  readonly p: number | null;
  readonly adjusted_p: number | null;
  readonly verdict: Verdict;
  /** With `inconclusive`: about how many rows would decide, if the difference stays as it is. */
  readonly need_rows?: number;
}

export interface Comparison {
  readonly version: 1;
  readonly verdict: Verdict;
  readonly rules: readonly RuleOutcome[];
  /** Row ids, as `suite/id`. */
  readonly regressions: readonly string[];
  readonly improvements: readonly string[];
}
