/**
 * Runs a real workflow file on this machine, with GitHub's own parser and expressions: triggers, needs, conditions,
 * matrices, scripts, node and composite actions, command files, masks, and the token's permissions. Not covered:
 * services, reusable workflows, concurrency; the legs of a matrix share the workspace.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Permissions } from "../github-server/tokens.js";
import { type Contexts, interpolate, isMet, type Status, toText } from "./expressions.js";
import { type Annotation, JobLog } from "./job-log.js";
import { expandMatrix, type Leg } from "./matrix.js";
import { type Job, type JsonMap, readWorkflow, type Workflow } from "./parse-workflow.js";
import { tokenPermissions } from "./permissions.js";
import { type ActionHandler, type JobState, runJobSteps, type StepRecord } from "./run-steps.js";
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
  /** More variables of the runner's machine. */
  readonly env?: Readonly<Record<string, string>>;
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

/** @throws {Error} when the workflow file is invalid */
export async function runWorkflow(options: WorkflowRunOptions): Promise<WorkflowResult> {
  const workflow = await readWorkflow(options.workflow);
  if (!isTriggered(workflow.on, options.event)) return { conclusion: "not-triggered", jobs: {} };

  const runDir = mkdtempSync(join(tmpdir(), "gitune-workflow-"));
  const eventPath = join(runDir, "event.json");
  writeFileSync(eventPath, JSON.stringify(options.event.payload));
  const github = githubContext(options, workflow, eventPath);

  const done: Record<string, readonly JobResult[]> = {};
  const pending = new Map(Object.entries(workflow.jobs));
  while (pending.size > 0) {
    const next = [...pending].find(([, job]) => needsOf(job).every((need) => done[need]));
    if (!next) throw new Error(`jobs wait for each other: ${[...pending.keys()].join(", ")}`);
    const [id, job] = next;
    pending.delete(id);
    done[id] = await runJob(id, job, { options, workflow, github, runDir, done });
  }
  const all = Object.values(done).flat();
  return { conclusion: all.some((job) => job.conclusion === "failure") ? "failure" : "success", jobs: done };
}

interface Run {
  readonly options: WorkflowRunOptions;
  readonly workflow: Workflow;
  readonly github: JsonMap;
  readonly runDir: string;
  readonly done: Readonly<Record<string, readonly JobResult[]>>;
}

const SKIPPED: JobResult = { conclusion: "skipped", outputs: {}, steps: {}, annotations: [], summary: "", log: "" };

async function runJob(id: string, job: Job, run: Run): Promise<readonly JobResult[]> {
  const { options, workflow } = run;
  const needs = Object.fromEntries(
    needsOf(job).map((need) => {
      const legs = run.done[need] ?? [];
      return [
        need,
        { result: resultOf(legs), outputs: Object.assign({}, ...legs.map((leg) => leg.outputs)) as JsonMap },
      ];
    }),
  );
  const results = Object.values(needs).map((need) => need.result);
  const status: Status = {
    isFailed: results.includes("failure"),
    // A job after a skipped one is skipped too, unless its condition asks for a status itself.
    isCancelled: results.includes("skipped"),
    workspace: options.workspace,
  };
  const isFork = isFromFork(options.event);
  const token = options.issueToken(tokenPermissions(job.permissions ?? workflow.permissions, isFork));
  const contexts: Contexts = {
    github: { ...run.github, token, job: id },
    needs,
    inputs: {},
    vars: {},
    // A fork's run gets no secret but its own read-only token.
    secrets: { GITHUB_TOKEN: token, ...(isFork ? {} : options.secrets) },
    matrix: {},
    strategy: {},
  };
  if (!isMet(job.if, contexts, status)) return [SKIPPED];

  const matrix = interpolate(job.strategy?.matrix ?? null, contexts, status);
  const legs: JobResult[] = [];
  for (const leg of expandMatrix(matrix))
    legs.push(await runLeg(id, job, run, { ...contexts, matrix: leg }, leg, token));
  return legs;
}

async function runLeg(id: string, job: Job, run: Run, outer: Contexts, leg: Leg, token: string): Promise<JobResult> {
  const { options, workflow, runDir } = run;
  const dir = mkdtempSync(join(runDir, `${id}-`));
  const tempDir = join(dir, "temp");
  const toolDir = join(dir, "tools");
  for (const path of [tempDir, toolDir]) mkdirSync(path);

  const log = new JobLog([token, ...Object.values(options.secrets ?? {})]);
  const runner = { os: "Linux", arch: "X64", name: "local", temp: tempDir, tool_cache: toolDir };
  const contexts: Contexts = { ...outer, runner };
  const status: Status = { isFailed: false, isCancelled: false, workspace: options.workspace };
  const workflowEnv = interpolate(workflow.env ?? {}, contexts, status) as JsonMap;
  const jobEnv = interpolate(job.env ?? {}, contexts, status) as JsonMap;
  const env = Object.fromEntries(
    Object.entries({ ...workflowEnv, ...jobEnv }).map(([name, value]) => [name, toText(value)]),
  );
  const state: JobState = {
    workspace: options.workspace,
    tempDir,
    log,
    env,
    setEnv: {},
    paths: [],
    actions: options.actions ?? {},
    runnerEnv: { ...runnerEnv(contexts["github"] as JsonMap, tempDir, toolDir), ...options.env },
    afterJob: [],
    summary: "",
    isFailed: false,
  };
  const defaults = { ...workflow.defaults?.run, ...job.defaults?.run };
  const steps = await runJobSteps(state, job.steps, contexts, defaults);
  for (const finish of state.afterJob.reverse()) await finish();

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
  const conclusion = isFailure ? "failure" : "success";
  const suffix = Object.keys(leg).length > 0 ? ` (${JSON.stringify(leg)})` : "";
  log.say(`##[section]Finishing: ${id}${suffix}`);
  return { conclusion, outputs, steps, annotations, summary: state.summary, log: log.text };
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
