/** One project's refresh: read the sources, take what is new, commit it beside the working tree, judge it, move the branch. */
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import {
  commitFiles,
  GituneError,
  type Issue,
  type JsonValue,
  type OnProgress,
  type Project,
  type RefreshSource,
  RowAdmission,
  readFileAt,
  readSuites,
  type Store,
  updateBranch,
  writeJsonl,
} from "@gitune/core";
import type { HubBases } from "../hub-base/hub-bases.js";
import { tokenizerOf } from "../open-base.js";
import { openHead } from "../pipeline/open-states.js";
import type { PipelineResult } from "../pipeline/result.js";
import { type PipelineOptions, runPipeline } from "../pipeline/run-pipeline.js";
import { tokenCounter } from "../token-counter.js";
import type { Context } from "../verb.js";
import { type Fetched, fetchSource, secretNames } from "./fetch-source.js";
import { findDrift } from "./find-drift.js";
import { rejectedRows } from "./rejected-rows.js";
import type { ProjectRefresh, SourceOutcome } from "./result.js";
import { SecretGuard } from "./secret-guard.js";
import { parseState, type RefreshState, renderState, STATE_FILE } from "./source-state.js";
import { readStartState, type StartState } from "./start-state.js";
import { type QuarantinedRow, type TakeOptions, takeRows } from "./take-rows.js";

export interface RefreshOptions {
  readonly root: string;
  readonly base: string;
  readonly store: Store;
  readonly bases: HubBases;
  readonly env: Context["env"];
  /** How it is judged. */
  readonly judge: Pick<PipelineOptions, "device" | "threads" | "bareBase" | "compute">;
  readonly onProgress: OnProgress;
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Somebody else's run may move the branch while this one trains; a fourth time is no chance. */
const MAX_ROUNDS = 3;

/** @param project as the base has it, with sources */
export async function refreshProject(project: Project, options: RefreshOptions): Promise<ProjectRefresh> {
  for (let round = 1; ; round += 1) {
    const outcome = await refreshOnce(project, options);
    if (outcome !== "overtaken") return outcome;
    if (round < MAX_ROUNDS) continue;
    const message = "other runs keep moving the refresh branch";
    throw new GituneError({ code: "refresh.in-use", severity: "error", message }, { exitCode: 3 });
  }
}

async function refreshOnce(project: Project, options: RefreshOptions): Promise<ProjectRefresh | "overtaken"> {
  const { root, note } = options;
  const { name } = project.config;
  const start = await readStartState(root, name, options.base);
  const guard = guardOf(project, options.env);
  const stateFile = posix.join(project.dir, STATE_FILE);
  const state = parseState(await readFileAt(root, start.commit, stateFile));

  const reads: SourceRead[] = [];
  for (const source of sourcesOf(project)) {
    note(`${name}: reading ${source.name}`);
    reads.push(await readSource(source, { project, known: state.sources.get(source.name), guard, ...options }));
  }
  const given = reads.filter(isGiven);
  const rejected = given.length === 0 ? state.rejected : await rejectedRows(project, start, state.rejected);
  const taken = given.length === 0 ? NOTHING : await takeAll(given, start, project, { ...options, guard, rejected });
  const outcomes = reads.map((read) => outcomeOf(read, taken));
  const quarantineFile = await writeQuarantine(root, name, taken.quarantined);
  const common = {
    name,
    branch: start.branch,
    sources: outcomes,
    quarantine: countCodes(taken.quarantined),
    quarantineFile,
    issues: [],
  };

  const rows = [...taken.files.values()].reduce((sum, list) => sum + list.length, 0);
  const isUnmoved = rows === 0 && (!start.isPending || start.commit === start.tip);
  if (isUnmoved) {
    const run = start.isPending ? await judgedBefore(name, start.commit, options) : null;
    const status = start.isPending ? "pending" : "unchanged";
    const drift = start.isPending ? await findDrift(project, start.base, start.commit, options) : [];
    return { ...common, status, commit: start.tip, drift, verdict: run?.verdict ?? null, run };
  }
  const sources = new Map(state.sources);
  for (const { source, fetched } of given) sources.set(source.name, fetched.state);
  const next: RefreshState = { sources, rejected };
  const commit = rows === 0 ? start.commit : await commitRows(project, start, taken, next, outcomes, options);
  const drift = await findDrift(project, start.base, commit, options);
  const run = await judge(name, commit, options);
  if (!(await updateBranch(root, start.branch, commit, start.local))) return "overtaken";
  return { ...common, status: "proposed", commit, drift, verdict: run.verdict, run };
}

function sourcesOf(project: Project): readonly RefreshSource[] {
  return project.config.refresh?.sources ?? [];
}

/** One for all sources of a project: what one may see, another must not show. */
function guardOf(project: Project, env: Context["env"]): SecretGuard {
  return new SecretGuard(sourcesOf(project).flatMap((source) => secretNames(source).map((name) => env[name])));
}

type SourceRead = { readonly source: RefreshSource } & (
  | { readonly fetched: Fetched }
  | { readonly failure: readonly Issue[] }
);
type GivenSource = { readonly source: RefreshSource; readonly fetched: Extract<Fetched, { kind: "content" }> };

function isGiven(read: SourceRead): read is GivenSource {
  return "fetched" in read && read.fetched.kind === "content";
}

/** A source that fails must not hold back the others. */
async function readSource(source: RefreshSource, options: Parameters<typeof fetchSource>[1]): Promise<SourceRead> {
  try {
    return { source, fetched: await fetchSource(source, options) };
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof GituneError)) throw error;
    return { source, failure: named(error.issues, source) };
  }
}

function named(issues: readonly Issue[], source: RefreshSource): readonly Issue[] {
  return issues.map((issue) => ({ ...issue, message: `source ${source.name}: ${issue.message}` }));
}

interface Taken {
  /** File, relative to the repository's root -> the rows to append. */
  readonly files: ReadonlyMap<string, readonly JsonValue[]>;
  readonly bySource: ReadonlyMap<
    string,
    Pick<SourceOutcome, "new" | "known" | "passedOver" | "quarantined" | "issues">
  >;
  readonly quarantined: readonly QuarantinedRow[];
}

const NOTHING: Taken = { files: new Map(), bySource: new Map(), quarantined: [] };

async function takeAll(
  given: readonly GivenSource[],
  start: StartState,
  asOfBase: Project,
  { root, store, bases, guard, rejected, signal }: RefreshOptions & Pick<TakeOptions, "guard" | "rejected">,
): Promise<Taken> {
  const { state, projects, issues } = await openHead(root, start.commit);
  try {
    const project = projects.find(({ config }) => config.name === asOfBase.config.name);
    if (!project) throw new GituneError(issues.filter(({ project: name }) => name === asOfBase.config.name));
    const tokens = await tokenCounter(project, store, tokenizerOf(bases));
    const admission = await RowAdmission.open(project, {
      suitesOfRepo: await readSuites(projects, signal),
      ...(tokens.countTokens ? { countTokens: tokens.countTokens } : {}),
      signal,
    });
    const files = new Map<string, JsonValue[]>();
    const bySource = new Map<string, Pick<SourceOutcome, "new" | "known" | "passedOver" | "quarantined" | "issues">>();
    const quarantined: QuarantinedRow[] = [];
    for (const { source, fetched } of given) {
      const { data } = project.config;
      const taken = await takeRows(source, fetched.bytes, { admission, data, guard, rejected, signal }).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          if (error instanceof GituneError) return named(error.issues, source);
          throw error;
        },
      );
      if (!("rows" in taken)) {
        bySource.set(source.name, { ...NO_ROWS, issues: taken });
        continue;
      }
      const file = posix.join(project.dir, source.into);
      files.set(file, [...(files.get(file) ?? []), ...taken.rows]);
      quarantined.push(...taken.quarantined);
      bySource.set(source.name, {
        new: taken.rows.length,
        known: taken.known,
        passedOver: taken.passedOver,
        quarantined: taken.quarantined.length,
        issues: [],
      });
    }
    return { files, bySource, quarantined };
  } finally {
    await state.dispose();
  }
}

const NO_ROWS = { new: 0, known: 0, passedOver: 0, quarantined: 0, issues: [] } as const;

function outcomeOf(read: SourceRead, taken: Taken): SourceOutcome {
  const { name, type } = read.source;
  if ("failure" in read) return { name, type, status: "failed", ...NO_ROWS, issues: read.failure };
  if (read.fetched.kind === "unchanged") return { name, type, status: "unchanged", ...NO_ROWS };
  const counts = taken.bySource.get(name) ?? NO_ROWS;
  return { name, type, status: counts.issues.length > 0 ? "failed" : "read", ...counts };
}

function countCodes(rows: readonly QuarantinedRow[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { issues } of rows) {
    const code = issues[0]?.code ?? "row.invalid";
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Not in git: what is wrong with a row may be a reason to keep it out. */
async function writeQuarantine(root: string, project: string, rows: readonly QuarantinedRow[]): Promise<string | null> {
  const file = join(root, ".gitune", "refresh", project, "quarantine.jsonl");
  if (rows.length === 0) {
    // What an earlier run left is no word of this one.
    await rm(file, { force: true });
    return null;
  }
  await writeJsonl(file, rows);
  return file;
}

async function commitRows(
  project: Project,
  start: StartState,
  taken: Taken,
  state: RefreshState,
  outcomes: readonly SourceOutcome[],
  { root }: RefreshOptions,
): Promise<string> {
  const files = new Map<string, string>();
  for (const [file, rows] of taken.files) {
    if (rows.length === 0) continue;
    const before = (await readFileAt(root, start.commit, file)) ?? "";
    const gap = before === "" || before.endsWith("\n") ? "" : "\n";
    files.set(file, before + gap + rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  files.set(posix.join(project.dir, STATE_FILE), renderState(state, sourcesOf(project)));
  const { name } = project.config;
  const added = outcomes.filter((one) => one.new > 0);
  const total = added.reduce((sum, one) => sum + one.new, 0);
  const message = [
    `Refresh ${name}: ${total} new ${total === 1 ? "row" : "rows"}`,
    "",
    ...added.map((one) => `- ${one.name}: ${one.new}`),
    "",
    `Gitune-Refresh: ${name}`,
    "",
  ].join("\n");
  return commitFiles(root, { tree: start.commit, parents: [start.commit], message, files });
}

/**
 * The verdict on a proposal that waits, for whoever did not get it when it was made: the run may have been cut off between
 * the branch and its pull request. Nothing is trained for it. @returns null where the store has it no more
 */
async function judgedBefore(name: string, commit: string, options: RefreshOptions): Promise<PipelineResult | null> {
  try {
    const run = await judge(name, commit, { ...options, judge: { ...options.judge, compute: false } });
    return run.pending.length > 0 ? null : run;
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof GituneError)) throw error;
    // What people have made of the branch is theirs to mend, and no reason to fail.
    options.note(`${name}: the proposal that waits cannot be judged: ${error.message}`);
    return null;
  }
}

/** A folder of its own for each run's report, so that two at once do not write over each other. */
async function judge(
  name: string,
  commit: string,
  { root, base, store, bases, judge: how, onProgress, note, signal }: RefreshOptions,
): Promise<PipelineResult> {
  const folder = join(root, ".gitune", "refresh", name);
  await mkdir(folder, { recursive: true });
  await removeOldReports(folder);
  const reportDir = await mkdtemp(join(folder, REPORT_PREFIX));
  const told = { onProgress, onNote: note, signal };
  return runPipeline({ root, projects: [name], base, head: commit, store, bases, ...how, reportDir, ...told });
}

const REPORT_PREFIX = "report-";
/** No run takes longer, and nobody looks for a report that long: the proposal has it. */
const REPORT_AGE_MS = 7 * 24 * 3_600_000;

async function removeOldReports(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const age = Date.now() - ((await stat(path).catch(() => null))?.mtimeMs ?? Date.now());
    if (name.startsWith(REPORT_PREFIX) && age > REPORT_AGE_MS) await rm(path, { recursive: true, force: true });
  }
}
