/**
 * Runs a real workflow file on this machine, with GitHub's own parser and expressions: triggers, needs, conditions,
 * matrices, scripts, node and composite actions, reusable workflows, command files, masks, and the token's permissions.
 * Not covered: services, concurrency groups, approvals.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { RunJob } from "../github-server/server.js";
import type { Permissions } from "../github-server/tokens.js";
import { type Contexts, interpolate, isMet, type Json, type Status, toText } from "./expressions.js";
import { type Annotation, JobLog } from "./job-log.js";
import { expandMatrix, type Leg } from "./matrix.js";
import { type Job, type JsonMap, readWorkflow, type Workflow, type WorkflowCall } from "./parse-workflow.js";
import { checkNested, lowered, tokenPermissions } from "./permissions.js";
import { type ActionHandler, type JobState, runJobSteps, type StepRecord } from "./run-steps.js";
import { endTracked } from "./tracked-processes.js";
import { isTriggered, type WorkflowEvent } from "./triggers.js";

export interface WorkflowRunOptions {
  /** Path of the YAML file. */
  readonly workflow: string;
  readonly workspace: string;
  readonly event: WorkflowEvent;
  readonly repository: string;
  readonly apiUrl: string;
  /** Makes a job's GITHUB_TOKEN. */
  readonly issueToken: (permissions: Permissions) => string;
  readonly runNumber: number;
  readonly runAttempt?: number;
  readonly secrets?: Readonly<Record<string, string>>;
  /** `owner/name` -> a stand-in, or the folder of the action. */
  readonly actions?: Readonly<Record<string, ActionHandler | string>>;
  /** Gives each job an empty workspace of its own, as a fresh machine has; else all share `workspace`. */
  readonly isolated?: boolean;
  /** `uses:` of a job -> the reusable workflow's file; undefined for one of the same repository. */
  readonly resolveWorkflow?: (uses: string) => string | undefined;
  /** Told how each job is doing, as GitHub's API shows it. */
  readonly onJob?: (job: RunJob) => void;
  /** Told which machine and environment each job asks for, and where its workspace is. */
  readonly onRunner?: (job: {
    readonly name: string;
    readonly runsOn: Json;
    readonly environment: Json;
    readonly workspace: string;
  }) => void;
  /** A signal that aborts when a job's machine is gone; undefined for one that stays. */
  readonly lost?: (name: string) => AbortSignal | undefined;
  /** What actions get that are no scripts: the token for artifacts, and the service's address. */
  readonly nodeActionEnv?: Readonly<Record<string, string>>;
  /** More variables of the runner's machine. */
  readonly env?: Readonly<Record<string, string>>;
  /** Variables by which a job with `id-token: write` asks for the workflow's identity. */
  readonly identity?: Readonly<Record<string, string>>;
}

export type Conclusion = "success" | "failure" | "skipped";

export interface JobResult {
  readonly conclusion: Conclusion;
  readonly outputs: Readonly<Record<string, string>>;
  readonly steps: Readonly<Record<string, StepRecord>>;
  readonly annotations: readonly Annotation[];
  readonly summary: string;
  readonly log: string;
}

export interface WorkflowResult {
  readonly conclusion: Conclusion | "not-triggered";
  /** A job with a matrix has one result a leg. */
  readonly jobs: Readonly<Record<string, readonly JobResult[]>>;
}

/** @throws {Error} when the workflow file, or one that it calls, is invalid */
export async function runWorkflow(options: WorkflowRunOptions): Promise<WorkflowResult> {
  const workflow = await readWorkflow(options.workflow);
  if (!isTriggered(workflow.on, options.event)) return { conclusion: "not-triggered", jobs: {} };

  const runDir = mkdtempSync(join(tmpdir(), "gitune-workflow-"));
  const eventPath = join(runDir, "event.json");
  writeFileSync(eventPath, JSON.stringify(options.event.payload));
  const github = githubContext(options, workflow, eventPath);
  const jobs: Record<string, readonly JobResult[]> = {};
  const inputs = (options.event.payload["inputs"] ?? {}) as JsonMap;
  const secrets = options.secrets ?? {};
  await runJobs({ options, workflow, github, runDir, prefix: "", inputs, secrets, caller: null, jobs });
  const all = Object.values(jobs).flat();
  return { conclusion: all.some((job) => job.conclusion === "failure") ? "failure" : "success", jobs };
}

interface Run {
  readonly options: WorkflowRunOptions;
  readonly workflow: Workflow;
  readonly github: JsonMap;
  readonly runDir: string;
  /** `caller / ` inside a called workflow. */
  readonly prefix: string;
  readonly inputs: JsonMap;
  /** In a called workflow, those that its caller hands on. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What the calling job may do; null outside of a called workflow. */
  readonly caller: Permissions | null;
  /** Every job of the run by its whole name, called ones included. */
  readonly jobs: Record<string, readonly JobResult[]>;
}

const SKIPPED: JobResult = { conclusion: "skipped", outputs: {}, steps: {}, annotations: [], summary: "", log: "" };

/** Each job as soon as those it needs are done. @returns the workflow's own jobs by id */
async function runJobs(run: Run): Promise<Readonly<Record<string, readonly JobResult[]>>> {
  const { jobs } = run.workflow;
  checkOrder(jobs);
  const started = new Map<string, Promise<readonly JobResult[]>>();
  const done: Record<string, readonly JobResult[]> = {};
  const start = (id: string): Promise<readonly JobResult[]> => {
    const running = started.get(id);
    if (running) return running;
    const job = jobs[id];
    if (!job) throw new Error(`there is no job "${id}"`);
    const promise = Promise.all(needsOf(job).map(start)).then(async () => {
      const results = await runJob(id, job, run, done);
      done[id] = results;
      run.jobs[run.prefix + id] = results;
      return results;
    });
    started.set(id, promise);
    return promise;
  };
  await Promise.all(Object.keys(jobs).map(start));
  return done;
}

/** @throws {Error} where jobs wait for each other */
function checkOrder(jobs: Workflow["jobs"]): void {
  const pending = new Set(Object.keys(jobs));
  while (pending.size > 0) {
    const next = [...pending].find((id) => needsOf(jobs[id] as Job).every((need) => !pending.has(need)));
    if (next === undefined) throw new Error(`jobs wait for each other: ${[...pending].join(", ")}`);
    pending.delete(next);
  }
}

async function runJob(
  id: string,
  job: Job,
  run: Run,
  done: Readonly<Record<string, readonly JobResult[]>>,
): Promise<readonly JobResult[]> {
  const { options, workflow } = run;
  const needs = Object.fromEntries(
    needsOf(job).map((need) => {
      const legs = done[need] ?? [];
      return [
        need,
        { result: resultOf(legs), outputs: Object.assign({}, ...legs.map((leg) => leg.outputs)) as JsonMap },
      ];
    }),
  );
  const results = Object.values(needs).map((need) => need.result);
  const status: Status = {
    isFailed: results.includes("failure"),
    isCancelled: false,
    isAfterSkipped: results.includes("skipped"),
    workspace: options.workspace,
  };
  const isFork = isFromFork(options.event);
  const written = job.permissions ?? workflow.permissions;
  const asked = run.caller && written === undefined ? run.caller : tokenPermissions(written, false);
  if (run.caller) checkNested(id, asked, run.caller);
  const token = options.issueToken(isFork ? lowered(asked) : asked);
  const contexts: Contexts = {
    github: { ...run.github, token, job: id },
    needs,
    inputs: run.inputs,
    vars: {},
    // A fork's run gets no secret but its own read-only token.
    secrets: { GITHUB_TOKEN: token, ...(isFork ? {} : run.secrets) },
    matrix: {},
    strategy: {},
  };
  const isSkipped = !isMet(job.if, contexts, status);
  if (isSkipped) return [SKIPPED];
  if (job.uses !== undefined) return [await runCalled(id, job, run, contexts, asked)];

  const matrix = interpolate(job.strategy?.matrix ?? null, contexts, status);
  const legs: JobResult[] = [];
  for (const leg of expandMatrix(matrix)) {
    legs.push(await runLeg(id, job, run, { ...contexts, matrix: leg }, leg, token, asked));
  }
  return legs;
}

/** A reusable workflow: its jobs in place of steps, its outputs as the job's. */
async function runCalled(
  id: string,
  job: Job,
  run: Run,
  contexts: Contexts,
  permissions: Permissions,
): Promise<JobResult> {
  const { options } = run;
  const path = options.resolveWorkflow?.(job.uses ?? "") ?? join(workflowRoot(options.workflow), job.uses ?? "");
  const workflow = await readWorkflow(path);
  const call = ((workflow.on as JsonMap)["workflow_call"] ?? null) as WorkflowCall | null;
  if (!("workflow_call" in (workflow.on as JsonMap))) throw new Error(`${job.uses} is not a reusable workflow`);
  const status: Status = { isFailed: false, isCancelled: false, workspace: options.workspace };
  const given = interpolate(job.with ?? {}, contexts, status) as JsonMap;
  const known = call?.inputs ?? {};
  for (const name of Object.keys(given)) {
    if (!(name in known)) throw new Error(`Invalid input, ${name} is not defined in the referenced workflow.`);
  }
  const inputs = Object.fromEntries(
    Object.entries(known).map(([name, input]) => [name, given[name] ?? input.default ?? ""]),
  );
  const done = await runJobs({
    ...run,
    options: { ...options, workflow: path },
    workflow,
    prefix: `${run.prefix}${id} / `,
    inputs,
    secrets: handedOn(job.secrets, run, contexts, status),
    caller: permissions,
  });
  const jobs = Object.fromEntries(
    Object.entries(done).map(([name, legs]) => [
      name,
      { result: resultOf(legs), outputs: Object.assign({}, ...legs.map((leg) => leg.outputs)) as JsonMap },
    ]),
  );
  const outputs = Object.fromEntries(
    Object.entries(call?.outputs ?? {}).map(([name, { value }]) => [
      name,
      toText(interpolate(value, { ...contexts, jobs }, status)),
    ]),
  );
  return { ...SKIPPED, conclusion: resultOf(Object.values(done).flat()), outputs };
}

/** The secrets of a called workflow: those that are named for it, or all of its caller's. */
function handedOn(written: Job["secrets"], run: Run, contexts: Contexts, status: Status): Run["secrets"] {
  if (written === "inherit") return run.secrets;
  const given = Object.entries(interpolate(written ?? {}, contexts, status) as JsonMap);
  return Object.fromEntries(given.map(([name, value]) => [name, toText(value)]));
}

async function runLeg(
  id: string,
  job: Job,
  run: Run,
  outer: Contexts,
  leg: Leg,
  token: string,
  permissions: Permissions,
): Promise<JobResult> {
  const { options, workflow, runDir } = run;
  const dir = mkdtempSync(join(runDir, `${id}-`));
  const tempDir = join(dir, "temp");
  const toolDir = join(dir, "tools");
  for (const path of [tempDir, toolDir]) mkdirSync(path);

  const { onJob } = options;
  const workspace = options.isolated ? join(dir, "workspace") : options.workspace;
  mkdirSync(workspace, { recursive: true });

  const log = new JobLog([token, ...Object.values(options.secrets ?? {})]);
  const runner = { os: "Linux", arch: "X64", name: "local", temp: tempDir, tool_cache: toolDir };
  const contexts: Contexts = {
    ...outer,
    github: { ...(outer["github"] as JsonMap), workspace },
    runner,
    job: jobContext(options, run),
  };
  const status: Status = { isFailed: false, isCancelled: false, workspace };
  const at = (value: Json | undefined) => interpolate(value ?? "", contexts, status);
  const name = `${run.prefix}${toText(at(job.name ?? id))}`;
  const startedAt = new Date().toISOString();
  const began = { name, runner_name: runner.name, started_at: startedAt };
  onJob?.({ ...began, status: "in_progress", conclusion: null, completed_at: null });
  options.onRunner?.({ name, runsOn: at(job["runs-on"]), environment: at(job.environment), workspace });
  const tracking = `gitune_${randomUUID()}`;
  const lost = options.lost?.(name);
  lost?.addEventListener("abort", () => endTracked(tracking));
  const workflowEnv = interpolate(workflow.env ?? {}, contexts, status) as JsonMap;
  const jobEnv = interpolate(job.env ?? {}, contexts, status) as JsonMap;
  const env = Object.fromEntries(
    Object.entries({ ...workflowEnv, ...jobEnv }).map(([name, value]) => [name, toText(value)]),
  );
  const state: JobState = {
    workspace,
    tempDir,
    log,
    env,
    setEnv: {},
    paths: [],
    actions: options.actions ?? {},
    runnerEnv: {
      ...runnerEnv(contexts["github"] as JsonMap, tempDir, toolDir),
      RUNNER_TRACKING_ID: tracking,
      ...options.env,
      ...(permissions["id-token"] === "write" ? options.identity : {}),
    },
    nodeActionEnv: options.nodeActionEnv ?? {},
    afterJob: [],
    lost,
    step: "",
    summary: "",
    isFailed: false,
  };
  const defaults = { ...workflow.defaults?.run, ...job.defaults?.run };
  const steps = await runJobSteps(state, job.steps, contexts, defaults);
  for (const finish of state.afterJob.reverse()) if (!lost?.aborted) await finish();
  endTracked(tracking);

  const after: Contexts = {
    ...contexts,
    steps: Object.fromEntries(Object.entries(steps).map(([name, record]) => [name, { ...record }])),
    env: { ...env, ...state.setEnv },
  };
  const outputs = Object.fromEntries(
    Object.entries(job.outputs ?? {}).map(([name, value]) => [name, toText(interpolate(value, after, status))]),
  );
  const isFailure = state.isFailed && interpolate(job["continue-on-error"] ?? false, after, status) !== true;
  const { annotations } = log;
  if (lost?.aborted) log.annotate("error", "The self-hosted runner lost communication with the server.");
  const conclusion = isFailure || lost?.aborted ? "failure" : "success";
  const suffix = Object.keys(leg).length > 0 ? ` (${JSON.stringify(leg)})` : "";
  const ended = { ...began, status: "completed", conclusion, completed_at: new Date().toISOString() } as const;
  // The step in which a machine was lost stays as it was, and those after it too.
  const left = [
    { name: "Set up job", status: "completed", conclusion: "success" },
    { name: state.step, status: "in_progress", conclusion: null },
    { name: "Complete job", status: "pending", conclusion: null },
  ];
  onJob?.(lost?.aborted ? { ...ended, steps: left } : ended);
  log.say(`##[section]Finishing: ${id}${suffix}`);
  return { conclusion, outputs, steps, annotations, summary: state.summary, log: log.text };
}

/** Where the file of the workflow that the job is in comes from, which may not be the caller's repository. */
function jobContext(options: WorkflowRunOptions, { github }: Run): JsonMap {
  const file = options.workflow.replace(/^.*?(\.github\/workflows\/)/, "$1");
  return {
    workflow_repository: github["repository"] ?? "",
    workflow_sha: github["sha"] ?? "",
    workflow_file_path: file,
  };
}

/** The repository's root, from the path of one of its workflows. */
function workflowRoot(path: string): string {
  return resolve(path.replace(/\.github\/workflows\/.*$/, "."));
}

function githubContext(options: WorkflowRunOptions, workflow: Workflow, eventPath: string): JsonMap {
  const { event, repository, apiUrl, workspace } = options;
  const [owner = ""] = repository.split("/");
  const pull = event.payload["pull_request"] as { head?: { ref?: string }; base?: { ref?: string } } | undefined;
  const file = options.workflow.replace(/^.*?(\.github\/workflows\/)/, "$1");
  return {
    event_name: event.name,
    event: event.payload,
    event_path: eventPath,
    repository,
    repository_owner: owner,
    ref: event.ref,
    ref_name: event.ref.replace(/^refs\/(heads|tags|pull)\//, ""),
    ref_type: event.ref.startsWith("refs/tags/") ? "tag" : "branch",
    sha: event.sha,
    head_ref: pull?.head?.ref ?? "",
    base_ref: pull?.base?.ref ?? "",
    actor: owner,
    triggering_actor: owner,
    workflow: workflow.name ?? file,
    workflow_ref: `${repository}/${file}@${event.ref}`,
    run_id: String(9_000_000 + options.runNumber),
    run_number: String(options.runNumber),
    run_attempt: String(options.runAttempt ?? 1),
    api_url: apiUrl,
    server_url: apiUrl,
    graphql_url: `${apiUrl}/graphql`,
    workspace,
  };
}

/** Facts of `github` that steps get as `GITHUB_*`; the token is not one of them. */
const GITHUB_VARIABLES = [
  "event_name",
  "event_path",
  "repository",
  "repository_owner",
  "ref",
  "ref_name",
  "ref_type",
  "sha",
  "head_ref",
  "base_ref",
  "actor",
  "triggering_actor",
  "workflow",
  "workflow_ref",
  "run_id",
  "run_number",
  "run_attempt",
  "api_url",
  "server_url",
  "graphql_url",
  "workspace",
  "job",
];

function runnerEnv(github: JsonMap, tempDir: string, toolDir: string): Record<string, string> {
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    LANG: "C.UTF-8",
    CI: "true",
    GITHUB_ACTIONS: "true",
    RUNNER_OS: "Linux",
    RUNNER_ARCH: "X64",
    RUNNER_NAME: "local",
    RUNNER_TEMP: tempDir,
    RUNNER_TOOL_CACHE: toolDir,
  };
  for (const name of GITHUB_VARIABLES) env[`GITHUB_${name.toUpperCase()}`] = toText(github[name]);
  return env;
}

function isFromFork(event: WorkflowEvent): boolean {
  const pull = event.payload["pull_request"] as
    | { head?: { repo?: { full_name?: string } }; base?: { repo?: { full_name?: string } } }
    | undefined;
  return pull !== undefined && pull.head?.repo?.full_name !== pull.base?.repo?.full_name;
}

function resultOf(legs: readonly JobResult[]): Conclusion {
  if (legs.some((leg) => leg.conclusion === "failure")) return "failure";
  return legs.every((leg) => leg.conclusion === "skipped") ? "skipped" : "success";
}

function needsOf(job: Job): readonly string[] {
  if (job.needs === undefined) return [];
  return typeof job.needs === "string" ? [job.needs] : job.needs;
}
