/** One project of the pipeline: what changed, its two adapters, both evaluated on the head's rows, the gate. */
import type { Device, EvalRow, Issue, OnProgress, Project, ProjectDiff, Row, Store } from "@gitune/core";
import { buildLock, GituneError, loadRows, readSuite, takesValidationLoss, VALIDATION_SPLIT } from "@gitune/core";
import { compareResults } from "@gitune/eval";
import type { Base } from "@gitune/train";
import { lockParts } from "../lock-parts.js";
import { type Evaluation, evaluateSuites, type SuiteRows } from "./evaluate.js";
import { projectFingerprint } from "./keys.js";
import type { AdapterOutcome, ProjectOutcome } from "./result.js";
import { servingFindings } from "./serving-findings.js";
import { type TrainOptions, trainCached } from "./train.js";
import type { JudgedProject } from "./write-report.js";

export interface JudgeOptions {
  readonly store: Store;
  /** False takes what is in the store, and computes nothing. */
  readonly compute: boolean;
  /** In place of each recipe's own. */
  readonly device?: Device;
  readonly threads?: number;
  /** Also evaluates the base model without an adapter, for comparison. */
  readonly bareBase: boolean;
  /** Says what a release of the head's adapter would be told of servers. */
  readonly lintServing: boolean;
  readonly onProgress?: OnProgress;
  readonly onNote?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** A project in one state of the repository, with its base model of that state. */
export interface ProjectState {
  readonly project: Project;
  readonly openBase: () => Promise<Base>;
}

export interface ProjectFacts {
  readonly diff: ProjectDiff | null;
  readonly issues: readonly Issue[];
}

interface LoadedState {
  readonly rows: readonly Row[];
  /** None where training takes no validation loss. */
  readonly validation: readonly Row[];
  readonly suites: readonly SuiteRows[];
}

/**
 * @param before null for a project that is new
 * @param modelChanged whether the base model's own files differ between the two states
 * @param issues of the head's checks, none of them an error
 * @throws {WorkNeeded} where something is not in the store and `compute` is false
 */
export async function judgeProject(
  head: ProjectState,
  before: ProjectState | null,
  facts: ProjectFacts & { readonly modelChanged: boolean },
  options: JudgeOptions,
): Promise<JudgedProject> {
  const { signal } = options;
  const after = await load(head.project, signal);
  const was = before && (await attempt(() => load(before.project, signal)));
  if (before === null || was === null) return compareStates(head, after, null, [NEW_NOTE], facts, options);
  if ("failure" in was) return compareStates(head, after, null, [brokenBase(was.failure)], facts, options);
  const same =
    !facts.modelChanged &&
    projectFingerprint(before.project, was.value, was.value.suites) ===
      projectFingerprint(head.project, after, after.suites);
  if (same) return unchanged(head.project, facts);
  return compareStates(head, after, { ...before, ...was.value }, [], facts, options);
}

const NEW_NOTE = "The project is new, so the head is compared with the base model without an adapter.";

function brokenBase(failure: GituneError): string {
  const [issue] = failure.issues;
  const why = issue ? `${issue.message} [${issue.code}]` : failure.message;
  return `The base's state cannot be trained (${why}), so the head is compared with the base model without an adapter.`;
}

/** Bad input in the base's state must not stop the change that may mend it; a failing machine must. */
async function attempt<T>(work: () => Promise<T>): Promise<{ readonly value: T } | { readonly failure: GituneError }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof GituneError && error.exitCode === 2) return { failure: error };
    throw error;
  }
}

async function compareStates(
  head: ProjectState,
  after: LoadedState,
  before: (ProjectState & LoadedState) | null,
  notes: readonly string[],
  facts: ProjectFacts,
  options: JudgeOptions,
): Promise<JudgedProject> {
  const { project } = head;
  const { gate, train } = project.config;
  const common = { ...options, device: options.device ?? train.device };
  const headBase = await head.openBase();
  const trained =
    before &&
    (await attempt(async () => {
      const base = await before.openBase();
      const phase = named(options, "train base");
      const device = options.device ?? before.project.config.train.device;
      return { base, adapter: await trainCached({ ...common, ...phase, device, ...pick(before), base }) };
    }));
  if (trained && "failure" in trained) {
    return compareStates(head, after, null, [brokenBase(trained.failure)], facts, options);
  }
  const then = trained?.value ?? null;
  const headAdapter = await trainCached({
    ...common,
    ...named(options, "train head"),
    project,
    rows: after.rows,
    validation: after.validation,
    base: headBase,
  });

  const evaluate = (base: Base, adapter: AdapterOutcome | null, name: string): Promise<Evaluation> =>
    evaluateSuites({
      ...common,
      ...named(options, name),
      project,
      base,
      adapter: adapter && {
        path: `${project.config.name}@${adapter.sha256.slice(0, 12)}`,
        dir: adapter.dir,
        sha256: adapter.sha256,
      },
      suites: after.suites,
    });
  const wantsBare = options.bareBase || before === null;
  const hasSuites = after.suites.length > 0;
  const bare = hasSuites && wantsBare ? (await evaluate(headBase, null, "evaluate bare base")).results : null;
  const base = hasSuites && then ? (await evaluate(then.base, then.adapter, "evaluate base")).results : bare;
  const headResults = hasSuites ? (await evaluate(headBase, headAdapter, "evaluate head")).results : null;
  const comparison = base && headResults && compareResults(base, headResults, gate);

  const { engineEnvironment } = await import("@gitune/train");
  return {
    project,
    lock: await buildLock(project, lockParts(headBase, engineEnvironment(common.device))),
    rows: Object.fromEntries(after.suites.map(({ suite, rows }): [string, readonly EvalRow[]] => [suite.name, rows])),
    outcome: {
      name: project.config.name,
      dir: project.dir,
      status: notes.includes(NEW_NOTE) ? "new" : "changed",
      verdict: comparison?.verdict ?? "pass",
      notes: [...notes, ...gateNotes(project, before?.project ?? null)],
      issues: [
        ...facts.issues,
        ...(options.lintServing ? await servingFindings(project, headAdapter.dir, headBase) : []),
      ],
      diff: facts.diff,
      adapters: { base: then?.adapter ?? null, head: headAdapter },
      results: { bare, base, head: headResults },
      comparison,
    },
  };
}

function pick({
  project,
  rows,
  validation,
}: ProjectState & LoadedState): Pick<TrainOptions, "project" | "rows" | "validation"> {
  return { project, rows, validation };
}

/** What a reader must know about the gate beside the numbers. */
function gateNotes(head: Project, before: Project | null): readonly string[] {
  const notes: string[] = [];
  if (head.config.evals.length === 0) notes.push("The project has no eval suites, so nothing was compared.");
  else if (head.config.gate.rules.length === 0) notes.push("The gate has no rules, so nothing can fail.");
  if (before && JSON.stringify(before.config.gate) !== JSON.stringify(head.config.gate)) {
    notes.push("This change also changes the gate itself: its new rules judged it.");
  }
  return notes;
}

function unchanged(project: Project, { diff, issues }: ProjectFacts): JudgedProject {
  return {
    project,
    lock: null,
    rows: {},
    outcome: { ...NOTHING, diff, issues, name: project.config.name, dir: project.dir },
  };
}

const NOTHING: Pick<ProjectOutcome, "status" | "verdict" | "notes" | "adapters" | "results" | "comparison"> = {
  status: "unchanged",
  verdict: "pass",
  notes: ["Nothing that the results depend on changed."],
  adapters: { base: null, head: null },
  results: { bare: null, base: null, head: null },
  comparison: null,
};

async function load(project: Project, signal: AbortSignal | undefined): Promise<LoadedState> {
  const rows = await loadRows(project, "train", signal);
  const validation = takesValidationLoss(project.config) ? await loadRows(project, VALIDATION_SPLIT, signal) : [];
  const suites: SuiteRows[] = [];
  for (const suite of project.config.evals) suites.push({ suite, rows: await readSuite(project, suite, signal) });
  return { rows, validation, suites };
}

/** Says which of the two states a phase is about. */
function named({ onProgress }: JudgeOptions, phase: string): { readonly onProgress?: OnProgress } {
  return onProgress ? { onProgress: (event) => onProgress({ ...event, phase }) } : {};
}
