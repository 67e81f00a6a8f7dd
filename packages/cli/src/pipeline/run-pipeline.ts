/**
 * The pipeline of a pull request: validate the head, diff it against the merge-base, train and evaluate what changed,
 * gate, report. The `run` verb, the demo and the action all use this one.
 */
import { join } from "node:path";
import {
  type DatasetDiff,
  type Device,
  diffProjects,
  discoverProjects,
  GituneError,
  type Issue,
  localBase,
  mergeBase,
  type OnProgress,
  type Project,
  type ProjectDiff,
  readSuites,
  type Store,
  validateProject,
  WORKTREE,
} from "@gitune/core";
import { gateExitCode } from "@gitune/eval";
import type { HubBases } from "../hub-base/hub-bases.js";
import { isConfigCode } from "../issue-kinds.js";
import { tokenizerOf } from "../open-base.js";
import { noProjects } from "../projects.js";
import { unknownMetrics } from "../suite-metrics.js";
import { tokenCounter } from "../token-counter.js";
import { type JudgeOptions, judgeProject } from "./judge-project.js";
import {
  isModelChanged,
  openBaseModel,
  openBaseState,
  openHead,
  openModelState,
  type RepositoryState,
} from "./open-states.js";
import { type PipelineResult, type ProjectOutcome, worstVerdict } from "./result.js";
import { WorkNeeded } from "./work-needed.js";
import { type JudgedProject, writeReports } from "./write-report.js";

export interface PipelineOptions {
  /** Absolute path of the repository's root. */
  readonly root: string;
  /** Names; all projects when empty. */
  readonly projects: readonly string[];
  /** A branch, tag or commit; the merge-base with it is the base. Default: the default branch. */
  readonly base?: string;
  /** "worktree", or a branch, tag or commit. */
  readonly head: string;
  readonly store: Store;
  /** Where bases from the Hub are found, and fetched where they are not. */
  readonly bases: HubBases;
  /**
   * False plans: what is unchanged, refused by its checks or in the store is judged, and the names of the others are
   * in `pending`. Default: true.
   */
  readonly compute?: boolean;
  /** In place of each recipe's own. */
  readonly device?: Device;
  readonly threads?: number;
  /** Also evaluates the base model without an adapter; true by default. */
  readonly bareBase?: boolean;
  /** False for a release, which lints what it sends; true by default. */
  readonly lintServing?: boolean;
  /** Absolute; `.gitune/report` by default. */
  readonly reportDir?: string;
  readonly onProgress?: OnProgress;
  /** Told what a person reading the log should know: where a training goes on, which checkpoint was refused. */
  readonly onNote?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * @throws {GituneError} exit code 2 for a config or base that cannot be used, 3 when the machine fails or the signal
 *   says stop; what was finished until then is in the store
 */
export async function runPipeline(options: PipelineOptions): Promise<PipelineResult> {
  const started = performance.now();
  const { root, head: headRef } = options;
  const commit = headRef === WORKTREE ? "HEAD" : headRef;
  const baseSha = await mergeBase(root, options.base, commit);
  const head = await openHead(root, headRef);
  try {
    const before = await openBaseState(root, baseSha);
    try {
      const { chosen, removed } = await chooseProjects(head, before, options.projects);
      const diff = await diffProjects({
        root,
        base: baseSha,
        head: headRef,
        names: options.projects,
        ...(options.signal ? { signal: options.signal } : {}),
      });
      const states: States = { head, before, diff, baseSha, commit, models: new Map() };
      const validated = await validateHead(chosen, head, options);
      const judged: JudgedProject[] = [];
      const pending: string[] = [];
      for (const { project, issues } of validated) {
        const one = await judgedOrPending(() => judgeOne(project, issues, states, options));
        if (one === null) pending.push(project.config.name);
        else judged.push(one);
      }
      judged.push(...removed.map((project) => removedProject(project, diff)));
      const refs = {
        base: { ref: options.base ?? "merge-base", sha: baseSha },
        head: { ref: headRef, sha: head.state.sha },
      };
      const folder = options.reportDir ?? join(root, ".gitune", "report");
      const { comment, report, projects } = await writeReports(folder, judged, refs);
      return {
        version: 1,
        verdict: worstVerdict(projects.map(({ verdict }) => verdict)),
        exitCode: judged.some(isRefused) ? 1 : 0,
        base: baseSha,
        head: head.state.sha,
        projects,
        pending,
        diff,
        comment,
        report,
        seconds: (performance.now() - started) / 1000,
      };
    } finally {
      await before.state.dispose();
    }
  } finally {
    await head.state.dispose();
  }
}

/** The two states of a change, and what differs. */
export interface States {
  readonly head: RepositoryState;
  readonly before: RepositoryState;
  readonly diff: DatasetDiff;
  /** Commits, for what git says of them. */
  readonly baseSha: string;
  readonly commit: string;
  /** Path of a base model -> whether it changed: most projects of a repository share one. */
  readonly models?: Map<string, Promise<boolean>>;
}

/** @throws {GituneError} for a config that cannot be used, and for a name that neither state has */
async function chooseProjects(
  head: RepositoryState,
  before: RepositoryState,
  names: readonly string[],
): Promise<{ readonly chosen: readonly Project[]; readonly removed: readonly Project[] }> {
  const isChosen = (name: string | undefined) => names.length === 0 || (name !== undefined && names.includes(name));
  const errors = head.issues.filter(({ severity, project }) => severity === "error" && isChosen(project));
  if (errors.length > 0) throw new GituneError(errors);
  const chosen = head.projects.filter(({ config }) => isChosen(config.name));
  const removed = before.projects.filter(
    ({ config }) => isChosen(config.name) && !head.projects.some((project) => project.config.name === config.name),
  );
  const known = new Set([...chosen, ...removed].map(({ config }) => config.name));
  const unknown = names.filter((name) => !known.has(name));
  // Asks again by name, for the error that says which names there are.
  if (unknown.length > 0) await discoverProjects(head.state.root, unknown);
  if (known.size === 0) throw noProjects(head.state.root);
  return { chosen, removed };
}

/** A project with what its checks found. */
export interface ValidatedProject {
  readonly project: Project;
  readonly issues: readonly Issue[];
}

/**
 * Checks every project before the first is trained: who made two mistakes wants to hear of both.
 * @throws {GituneError} where a project cannot be used at all
 */
export async function validateHead(
  projects: readonly Project[],
  head: RepositoryState,
  { store, bases, onProgress, signal }: PipelineOptions,
): Promise<readonly ValidatedProject[]> {
  const suitesOfRepo = await readSuites(head.projects, signal);
  const validated: ValidatedProject[] = [];
  for (const project of projects) {
    const tokens = await tokenCounter(project, store, tokenizerOf(bases));
    const { issues } = await validateProject(project, {
      suitesOfRepo,
      ...(tokens.countTokens ? { countTokens: tokens.countTokens } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    await tokens.save();
    validated.push({ project, issues: [...(await unknownMetrics(project)), ...tokens.issues, ...issues] });
  }
  const config = validated.flatMap(({ issues }) => issues.filter(isError).filter(({ code }) => isConfigCode(code)));
  if (config.length > 0) throw new GituneError(config);
  return validated;
}

/** @returns null where the store does not have all that it takes */
async function judgedOrPending(judge: () => Promise<JudgedProject>): Promise<JudgedProject | null> {
  try {
    return await judge();
  } catch (error) {
    if (error instanceof WorkNeeded) return null;
    throw error;
  }
}

/** Judges one project of the head, where its checks found no error. */
export async function judgeOne(
  project: Project,
  issues: readonly Issue[],
  { head, before, diff, baseSha, commit, models = new Map() }: States,
  options: PipelineOptions,
): Promise<JudgedProject> {
  const { root } = options;
  const { name } = project.config;
  const modelChange = (of: Project): Promise<boolean> => {
    const path = localBase(of) ?? "";
    const known = models.get(path) ?? isModelChanged(root, of, baseSha, commit);
    models.set(path, known);
    return known;
  };
  const projectDiff = diff.projects.find((one) => one.name === name) ?? null;
  if (issues.some(isError)) return invalidProject(project, issues, projectDiff);
  const earlier = before.projects.find(({ config }) => config.name === name) ?? null;
  const modelChanged = earlier !== null && (await modelChange(earlier));
  const model = modelChanged ? await openModelState(root, baseSha, earlier) : null;
  try {
    const judge: JudgeOptions = {
      store: options.store,
      compute: options.compute ?? true,
      bareBase: options.bareBase ?? true,
      lintServing: options.lintServing ?? true,
      ...(options.device === undefined ? {} : { device: options.device }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      ...(options.onNote ? { onNote: options.onNote } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    };
    // A plan trains nothing: the weights of a base from the Hub need not come for it.
    const wanted = { bases: options.bases, want: judge.compute ? "weights" : "identity" } as const;
    return await judgeProject(
      // The head's own copy of the model; that of a commit was written out with it. One from the Hub is no part of a commit.
      { project, openBase: () => openBaseModel(project, head.state.root, root, wanted) },
      earlier && { project: earlier, openBase: () => openBaseModel(earlier, model?.root ?? root, root, wanted) },
      { diff: projectDiff, issues, modelChanged },
      judge,
    );
  } finally {
    await model?.dispose();
  }
}

function invalidProject(project: Project, issues: readonly Issue[], diff: ProjectDiff | null): JudgedProject {
  const notes = ["The checks found errors, so nothing was trained."];
  const outcome = { ...NOTHING_RUN, name: project.config.name, dir: project.dir, issues, diff, notes };
  return { project, lock: null, rows: {}, outcome: { ...outcome, status: "invalid", verdict: "fail" } };
}

function removedProject(project: Project, diff: DatasetDiff): JudgedProject {
  const { name } = project.config;
  const notes = ["The change removes this project."];
  const projectDiff = diff.projects.find((one) => one.name === name) ?? null;
  const outcome = { ...NOTHING_RUN, name, dir: project.dir, issues: [], diff: projectDiff, notes };
  return { project: null, lock: null, rows: {}, outcome: { ...outcome, status: "removed", verdict: "pass" } };
}

const NOTHING_RUN: Pick<ProjectOutcome, "adapters" | "results" | "comparison"> = {
  adapters: { base: null, head: null },
  results: { bare: null, base: null, head: null },
  comparison: null,
};

/** Whether a project stops the merge. */
function isRefused({ outcome, project }: JudgedProject): boolean {
  if (outcome.comparison === null || project === null) return outcome.verdict === "fail";
  return gateExitCode(outcome.comparison, project.config.gate) === 1;
}

function isError({ severity }: Issue): boolean {
  return severity === "error";
}
