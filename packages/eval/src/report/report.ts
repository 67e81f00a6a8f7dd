/** The report as data: everything that the Markdown, HTML and terminal views show, none of it rendered yet. */
import type {
  Comparison,
  EvalRow,
  GateConfig,
  GateRule,
  Issue,
  ProjectDiff,
  Results,
  RuleOutcome,
  SuiteResult,
  Verdict,
} from "@gitune/core";
import { weigh } from "../gate/evidence.js";
import { pairResults, type RowPair, type SuitePair } from "../gate/pair.js";
import { METRICS } from "../metrics/table.js";
import { SHOWN_RESAMPLES } from "../stats/bootstrap.js";
import { measuredOf } from "../suites/measured-of.js";

/** A state in git. */
export interface ReportRef {
  /** A branch, a tag, or "worktree". */
  readonly ref: string;
  /** 40 hex digits, or "worktree" for what is not committed. */
  readonly sha: string;
}

/** What a training took, also where it came from the store. */
export interface TrainSummary {
  /** Optimizer steps. */
  readonly steps: number;
  /** Of the last step, in nats a label token. */
  readonly loss: number | null;
  /** Step by step, for the curve. */
  readonly losses?: readonly number[];
  readonly learningRates?: readonly number[];
  /** Losses of the validation split, each after `step` steps. */
  readonly validation?: readonly { readonly step: number; readonly loss: number }[];
  /** The step whose state the adapter is; less than `steps` where the best one is kept. */
  readonly keptStep?: number;
  /** What became of the train split's rows. */
  readonly rows?: { readonly used: number; readonly cut: number; readonly dropped: number };
  readonly tokens?: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
  /** Found in the store: nothing was trained now. */
  readonly cached: boolean;
}

/** A row whose answer changed. */
export interface ReportExample {
  readonly suite: string;
  readonly id: string;
  readonly prompt: string;
  readonly expected: readonly string[];
  readonly before: string;
  readonly after: string;
  /** The gated metric that moved most. */
  readonly metric: string;
  readonly baseScore: number;
  readonly headScore: number;
}

/** One metric of one suite, or of one slice of it, with the rules that judge it. */
export interface MetricLine {
  readonly metric: string;
  readonly slice: string | null;
  readonly n: number;
  /** Of the base model without an adapter, where it was evaluated. */
  readonly bare: number | null;
  readonly base: number;
  readonly head: number;
  readonly delta: number;
  readonly ci: readonly [number, number];
  readonly judged: readonly JudgedRule[];
}

/** A rule of the gate with what became of it. */
export interface JudgedRule {
  readonly rule: GateRule;
  readonly outcome: RuleOutcome;
}

export interface SuiteLines {
  readonly name: string;
  readonly rows: number;
  readonly metrics: readonly MetricLine[];
  /** Those of rules first, then the largest. */
  readonly slices: readonly MetricLine[];
  /** Slices that are not listed. */
  readonly slicesLeftOut: number;
}

export interface Report {
  readonly version: 1;
  readonly project: string;
  readonly verdict: Verdict;
  readonly base: ReportRef;
  readonly head: ReportRef;
  /** Of the head's checks; the first ones, errors before warnings. */
  readonly issues: {
    readonly errors: number;
    readonly warnings: number;
    readonly notes: number;
    readonly first: readonly Issue[];
  };
  readonly diff: ProjectDiff | null;
  readonly train: { readonly base: TrainSummary | null; readonly head: TrainSummary | null };
  readonly results: { readonly bare: Results | null; readonly base: Results | null; readonly head: Results | null };
  readonly gate: GateConfig;
  readonly comparison: Comparison | null;
  readonly suites: readonly SuiteLines[];
  /** The largest changes, worst and best first. */
  readonly examples: {
    readonly regressions: readonly ReportExample[];
    readonly improvements: readonly ReportExample[];
  };
  /** What a reader must know beside the numbers, a sentence each. */
  readonly notes: readonly string[];
}

export interface ReportInput {
  readonly project: string;
  readonly base: ReportRef;
  readonly head: ReportRef;
  readonly gate: GateConfig;
  readonly comparison: Comparison | null;
  /** Without a comparison: what the pipeline decided. Default: `fail` with an error among the issues, else `pass`. */
  readonly verdict?: Verdict;
  readonly issues?: readonly Issue[];
  readonly diff?: ProjectDiff | null;
  readonly train?: { readonly base: TrainSummary | null; readonly head: TrainSummary | null };
  readonly results?: {
    readonly bare?: Results | null;
    readonly base?: Results | null;
    readonly head?: Results | null;
  };
  /** Suite name -> its rows, for the examples' prompts and references. */
  readonly rows?: Readonly<Record<string, readonly EvalRow[]>>;
  readonly notes?: readonly string[];
}

/** As many as a reviewer reads. */
const MAX_EXAMPLES = 5;
const MAX_ISSUES = 10;
/** More make a table that nobody reads; rules' slices are always among them. */
const MAX_SLICES = 20;

/** Puts a report together. Pure: the same input gives the same report. */
export function buildReport(input: ReportInput): Report {
  const { comparison, gate } = input;
  const issues = input.issues ?? [];
  const results = {
    bare: input.results?.bare ?? null,
    base: input.results?.base ?? null,
    head: input.results?.head ?? null,
  };
  const pairs =
    comparison !== null && results.base !== null && results.head !== null
      ? pairResults(results.base, results.head)
      : [];
  return {
    version: 1,
    project: input.project,
    verdict: comparison?.verdict ?? input.verdict ?? (issues.some(isError) ? "fail" : "pass"),
    base: input.base,
    head: input.head,
    issues: {
      errors: issues.filter(isError).length,
      warnings: issues.filter(({ severity }) => severity === "warning").length,
      notes: issues.filter(({ severity }) => severity === "note").length,
      first: [...issues].sort((a, b) => SEVERITIES[a.severity] - SEVERITIES[b.severity]).slice(0, MAX_ISSUES),
    },
    diff: input.diff ?? null,
    train: input.train ?? { base: null, head: null },
    results,
    gate,
    comparison,
    suites: pairs.map((pair) => describeSuite(pair, results.bare, gate, comparison)),
    examples: {
      regressions: pickExamples(comparison?.regressions ?? [], pairs, input, -1),
      improvements: pickExamples(comparison?.improvements ?? [], pairs, input, 1),
    },
    notes: input.notes ?? [],
  };
}

const SEVERITIES: Readonly<Record<Issue["severity"], number>> = { error: 0, warning: 1, note: 2 };

function isError({ severity }: Issue): boolean {
  return severity === "error";
}

function describeSuite(
  pair: SuitePair,
  bare: Results | null,
  gate: GateConfig,
  comparison: Comparison | null,
): SuiteLines {
  const names = Object.keys(pair.head.metrics).filter((name) => METRICS.has(name) && name in pair.base.metrics);
  const bareSuite = bare?.suites.find(({ name }) => name === pair.name);
  const describe = (metric: string, slice: string | null): MetricLine =>
    describeMetric(pair, bareSuite, metric, slice, gate, judgedRules(gate, comparison, pair.name, metric, slice));
  const slices = orderSlices(pair, gate);
  const shown = slices.slice(0, MAX_SLICES);
  return {
    name: pair.name,
    rows: pair.rows.length,
    metrics: names.map((name) => describe(name, null)),
    slices: shown.flatMap((slice) => names.map((name) => describe(name, slice))),
    slicesLeftOut: slices.length - shown.length,
  };
}

function describeMetric(
  pair: SuitePair,
  bareSuite: SuiteResult | undefined,
  name: string,
  slice: string | null,
  gate: GateConfig,
  judged: readonly JudgedRule[],
): MetricLine {
  const rows = slice === null ? pair.rows : pair.rows.filter(({ head }) => head.tags?.includes(slice));
  const metric = METRICS.get(name);
  const bare = (slice === null ? bareSuite?.metrics : bareSuite?.slices[slice])?.[name]?.value ?? null;
  const known = judged[0]?.outcome;
  const evidence =
    known ??
    (metric === undefined
      ? { base: 0, head: 0, delta: 0, ci: [0, 0] as const }
      : weigh(
          metric,
          {
            base: rows.map((row) => measuredOf(row.base, metric)),
            head: rows.map((row) => measuredOf(row.head, metric)),
          },
          gate.confidence,
          SHOWN_RESAMPLES,
        ));
  const { base, head, delta, ci } = evidence;
  return { metric: name, slice, n: rows.length, bare, base, head, delta, ci, judged };
}

/** A comparison's rules stand in the gate's order. */
function judgedRules(
  gate: GateConfig,
  comparison: Comparison | null,
  suite: string,
  metric: string,
  slice: string | null,
): readonly JudgedRule[] {
  return gate.rules.flatMap((rule, index) => {
    const outcome = comparison?.rules[index];
    const isMine = rule.suite === suite && rule.metric === metric && rule.slice === slice;
    return isMine && outcome !== undefined ? [{ rule, outcome }] : [];
  });
}

function orderSlices(pair: SuitePair, gate: GateConfig): readonly string[] {
  const sizes = new Map<string, number>();
  for (const { head } of pair.rows) for (const tag of head.tags ?? []) sizes.set(tag, (sizes.get(tag) ?? 0) + 1);
  const isGated = (tag: string): number =>
    gate.rules.some(({ suite, slice }) => suite === pair.name && slice === tag) ? 1 : 0;
  return [...sizes.keys()].sort(
    (a, b) => isGated(b) - isGated(a) || (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0) || (a < b ? -1 : 1),
  );
}

function pickExamples(
  ids: readonly string[],
  pairs: readonly SuitePair[],
  input: ReportInput,
  direction: 1 | -1,
): readonly ReportExample[] {
  const wanted = new Set(ids.slice(0, MAX_EXAMPLES));
  const found = new Map<string, ReportExample>();
  for (const pair of pairs) {
    for (const row of pair.rows) {
      const id = `${pair.name}/${row.id}`;
      if (wanted.has(id)) found.set(id, toExample(pair, row, input, direction));
    }
  }
  return [...wanted].flatMap((id) => found.get(id) ?? []);
}

function toExample(pair: SuitePair, row: RowPair, input: ReportInput, direction: 1 | -1): ReportExample {
  const source = input.rows?.[pair.name]?.find(({ id }) => id === row.id);
  const metric = movedMost(pair, row, input.gate, direction);
  return {
    suite: pair.name,
    id: row.id,
    prompt: source === undefined ? "" : promptText(source),
    expected: source?.references ?? (source?.label === undefined ? [] : [source.label]),
    before: row.base.prediction,
    after: row.head.prediction,
    metric,
    baseScore: row.base.scores[metric] ?? 0,
    headScore: row.head.scores[metric] ?? 0,
  };
}

function movedMost(pair: SuitePair, row: RowPair, gate: GateConfig, direction: 1 | -1): string {
  const gated = gate.rules.filter(({ suite }) => suite === pair.name).map(({ metric }) => metric);
  const names = gated.length > 0 ? gated : Object.keys(pair.head.metrics);
  const gain = (name: string): number => {
    const metric = METRICS.get(name);
    if (metric === undefined) return Number.NEGATIVE_INFINITY;
    const change = (row.head.scores[name] ?? 0) - (row.base.scores[name] ?? 0);
    return (change * direction * (metric.higherIsBetter ? 1 : -1)) / (metric.range[1] - metric.range[0]);
  };
  return names.reduce((best, name) => (gain(name) > gain(best) ? name : best), names[0] ?? "");
}

/** What the model was asked: the text, or the turns with their roles (one user turn stands alone). */
function promptText({ prompt }: EvalRow): string {
  if (prompt.kind === "text") return prompt.text;
  const [only] = prompt.messages;
  if (prompt.messages.length === 1 && only?.role === "user") return only.content;
  return prompt.messages.map(({ role, content }) => `${role}: ${content}`).join("\n");
}
