/** What the pipeline answers: data only. The `run` verb prints it, the action posts it. */
import type { Comparison, DatasetDiff, Issue, ProjectDiff, Results, Verdict } from "@gitune/core";

/**
 * - `unchanged`: nothing that its results depend on differs from the base
 * - `changed`: there in both states
 * - `new`: only in the head; compared with the bare base model
 * - `removed`: only in the base; nothing to gate
 * - `invalid`: the head did not pass its checks, so nothing was trained
 */
export type ProjectStatus = "unchanged" | "changed" | "new" | "removed" | "invalid";

/** One adapter of the pipeline, trained now or found in the store. */
export interface AdapterOutcome {
  /** Absolute path in the store. */
  readonly dir: string;
  readonly sha256: string;
  readonly cached: boolean;
  readonly steps: number;
  /** Of each step, in nats a label token. */
  readonly losses: readonly number[];
  /** Of each step. */
  readonly learningRates: readonly number[];
  /** Losses of the validation split, each after `step` steps. */
  readonly validation: readonly { readonly step: number; readonly loss: number }[];
  /** The step whose state the adapter is. */
  readonly keptStep: number;
  readonly tokens: number;
  /** Of the training itself, also where it comes from the store. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly rows: { readonly used: number; readonly cut: number; readonly dropped: number };
}

export interface ProjectOutcome {
  readonly name: string;
  /** Relative to the repository's root. */
  readonly dir: string;
  readonly status: ProjectStatus;
  readonly verdict: Verdict;
  /** What a reader must know beside the numbers, a sentence each. */
  readonly notes: readonly string[];
  readonly issues: readonly Issue[];
  readonly diff: ProjectDiff | null;
  readonly adapters: { readonly base: AdapterOutcome | null; readonly head: AdapterOutcome | null };
  readonly results: {
    readonly bare: Results | null;
    readonly base: Results | null;
    readonly head: Results | null;
  };
  readonly comparison: Comparison | null;
  /** Its own report; null where it did not change. */
  readonly report: ReportFiles | null;
}

/** Absolute paths. */
export interface ReportFiles {
  readonly markdown: string;
  readonly html: string;
  readonly results: string;
}

export interface PipelineResult {
  readonly version: 1;
  /** The worst of the projects': fail, then inconclusive, then pass. */
  readonly verdict: Verdict;
  readonly exitCode: 0 | 1;
  /** A commit's sha. */
  readonly base: string;
  /** A commit's sha, or "worktree". */
  readonly head: string;
  readonly projects: readonly ProjectOutcome[];
  /** Names of those that have to be trained or evaluated first; none but where nothing may be computed. */
  readonly pending: readonly string[];
  readonly diff: DatasetDiff;
  /** What the pull request gets: the text of report.md. */
  readonly comment: string;
  readonly report: ReportFiles;
  readonly seconds: number;
}

const SEVERITY: Readonly<Record<Verdict, number>> = { pass: 0, inconclusive: 1, fail: 2 };

/** The verdict of several: the worst one; `pass` of none. */
export function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>((worst, verdict) => (SEVERITY[verdict] > SEVERITY[worst] ? verdict : worst), "pass");
}
