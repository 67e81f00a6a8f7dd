/** The steps of a job, and of composite actions inside it. */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Contexts, interpolate, isMet, type Json, type Status, toText } from "./expressions.js";
import type { JobLog } from "./job-log.js";
import { type JsonMap, type RunDefaults, readAction, type Step } from "./parse-workflow.js";
import { runProcess, type StepEffects } from "./run-process.js";

/** Stands in for an action of somebody else, such as actions/checkout. @returns its outputs */
export type ActionHandler = (call: {
  /** As the step writes it. */
  readonly uses: string;
  readonly inputs: Readonly<Record<string, Json>>;
  readonly workspace: string;
  readonly addPath: (path: string) => void;
}) => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;

export type StepResult = "success" | "failure" | "skipped";
export interface StepRecord {
  readonly outputs: Record<string, string>;
  outcome: StepResult;
  conclusion: StepResult;
}

/** Everything that lasts for one job. */
export interface JobState {
  readonly workspace: string;
  readonly tempDir: string;
  readonly log: JobLog;
  /** Of the workflow and the job. */
  readonly env: Readonly<Record<string, string>>;
  /** Set by steps through `$GITHUB_ENV`. */
  readonly setEnv: Record<string, string>;
  readonly paths: string[];
  readonly actions: Readonly<Record<string, ActionHandler | string>>;
  /** Variables that the runner itself gives to each step. */
  readonly runnerEnv: Readonly<Record<string, string>>;
  /** Variables that only actions get which are no scripts: the token for artifacts and where it is for. */
  readonly nodeActionEnv: Readonly<Record<string, string>>;
  readonly afterJob: (() => Promise<void>)[];
  /** Aborts when the machine is gone: what runs is killed, and nothing runs after it. */
  readonly lost: AbortSignal | undefined;
  /** The step that runs, or ran last. */
  step: string;
  summary: string;
  isFailed: boolean;
}

/** What differs between a job's own steps and those of a composite action. */
interface Scope {
  readonly contexts: Contexts;
  readonly records: Record<string, StepRecord>;
  readonly defaults: RunDefaults;
  /** Set inside a composite action. */
  readonly action: { readonly dir: string; readonly env: Readonly<Record<string, string>> } | null;
  isFailed: boolean;
}

/** @returns the steps' records by id; the job's state says whether it failed */
export async function runJobSteps(
  job: JobState,
  steps: readonly Step[],
  contexts: Contexts,
  defaults: RunDefaults,
): Promise<Record<string, StepRecord>> {
  const scope: Scope = { contexts, records: {}, defaults, action: null, isFailed: false };
  await runSteps(job, steps, scope);
  job.isFailed ||= scope.isFailed;
  return scope.records;
}

async function runSteps(job: JobState, steps: readonly Step[], scope: Scope): Promise<void> {
  for (const [index, step] of steps.entries()) {
    if (job.lost?.aborted) return;
    const record: StepRecord = { outputs: {}, outcome: "skipped", conclusion: "skipped" };
    const before = contextsNow(job, scope, {});
    scope.records[step.id ?? `__${index}`] = record;
    try {
      await runStep(job, step, scope, before, record);
    } catch (error) {
      job.log.annotate("error", error instanceof Error ? error.message : String(error));
      record.outcome = "failure";
      record.conclusion = "failure";
    }
    if (record.conclusion === "failure") scope.isFailed = true;
  }
}

async function runStep(job: JobState, step: Step, scope: Scope, before: Contexts, record: StepRecord): Promise<void> {
  const status: Status = { isFailed: scope.isFailed, isCancelled: false, workspace: job.workspace };
  const stepEnv = asText(interpolate(step.env ?? {}, before, status) as JsonMap);
  const contexts = contextsNow(job, scope, stepEnv);
  if (!isMet(step.if, contexts, status)) return;
  const title = step.name ?? step.uses ?? `Run ${step.run?.split("\n")[0]}`;
  // Of a composite action GitHub shows the one step that uses it.
  if (scope.action === null) job.step = toText(interpolate(title, contexts, status));
  job.log.say(`##[group]${toText(interpolate(title, contexts, status))}`);

  const timeout = interpolate(step["timeout-minutes"] ?? null, contexts, status);
  const call: StepCall = {
    job,
    scope,
    contexts,
    status,
    record,
    env: { ...scope.action?.env, ...stepEnv },
    timeoutMinutes: typeof timeout === "number" ? timeout : undefined,
  };
  const exitCode = step.uses === undefined ? await runScript(call, step) : await runAction(call, step.uses, step.with);
  job.log.say("##[endgroup]");
  record.outcome = exitCode === 0 ? "success" : "failure";
  const isForgiven = interpolate(step["continue-on-error"] ?? false, contexts, status) === true;
  record.conclusion = exitCode === 0 || isForgiven ? "success" : "failure";
}

interface StepCall {
  readonly job: JobState;
  readonly scope: Scope;
  readonly contexts: Contexts;
  readonly status: Status;
  readonly record: StepRecord;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMinutes: number | undefined;
}

async function runScript(call: StepCall, step: Step): Promise<number> {
  const { job, scope, contexts, status } = call;
  const script = join(job.tempDir, `${randomUUID()}.sh`);
  writeFileSync(script, toText(interpolate(step.run ?? "", contexts, status)));
  const dir = step["working-directory"] ?? scope.defaults["working-directory"] ?? ".";
  const actionPath = scope.action ? { GITHUB_ACTION_PATH: scope.action.dir } : {};
  return spawnInStep(call, {
    argv: shellCall(step.shell ?? scope.defaults.shell, script),
    env: { ...call.env, ...actionPath },
    cwd: resolve(job.workspace, toText(interpolate(dir, contexts, status))),
  });
}

/** As the runner calls them: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#jobsjob_idstepsshell */
function shellCall(shell: string | undefined, script: string): readonly string[] {
  if (shell === undefined) return ["bash", "-e", script];
  if (shell === "bash") return ["bash", "--noprofile", "--norc", "-eo", "pipefail", script];
  if (shell === "sh") return ["sh", "-e", script];
  if (shell === "python") return ["python3", script];
  return shell.replace("{0}", script).split(/\s+/);
}

async function runAction(call: StepCall, uses: string, withs: JsonMap = {}): Promise<number> {
  const { job, contexts, status, record } = call;
  const given = interpolate(withs, contexts, status) as JsonMap;
  const [name = ""] = uses.split("@");
  const known = job.actions[name];
  if (typeof known === "function") {
    const addPath = (path: string) => job.paths.push(path);
    Object.assign(record.outputs, await known({ uses, inputs: given, workspace: job.workspace, addPath }));
    return 0;
  }
  const dir = uses.startsWith("./") ? resolve(job.workspace, uses) : known;
  if (dir === undefined) throw new Error(`Unable to resolve action ${uses}`);

  const action = readAction(dir);
  for (const key of Object.keys(given)) {
    if (!Object.keys(action.inputs ?? {}).some((input) => input.toLowerCase() === key.toLowerCase())) {
      job.log.annotate("warning", `Unexpected input(s) '${key}'`);
    }
  }
  // A default sees neither env nor secrets.
  const { github = null, runner = null, job: jobContext = null } = contexts;
  const inputs: Record<string, string> = {};
  for (const [input, { default: written = "" }] of Object.entries(action.inputs ?? {})) {
    const asked = Object.entries(given).find(([key]) => key.toLowerCase() === input.toLowerCase())?.[1];
    inputs[input] = toText(asked ?? interpolate(written, { github, runner, job: jobContext, env: {} }, status));
  }
  if (action.runs.using === "composite") {
    const { secrets: _secrets, ...visible } = contexts;
    const scope: Scope = {
      contexts: { ...visible, github: { ...(github as JsonMap), action_path: dir }, inputs },
      records: {},
      defaults: {},
      action: { dir, env: call.env },
      isFailed: false,
    };
    await runSteps(job, action.runs.steps ?? [], scope);
    const after = contextsNow(job, scope, {});
    for (const [output, { value = "" }] of Object.entries(action.outputs ?? {})) {
      record.outputs[output] = toText(interpolate(value, after, status));
    }
    return scope.isFailed ? 1 : 0;
  }
  if (!/^node\d+$/.test(action.runs.using)) throw new Error(`unsupported runs.using "${action.runs.using}"`);
  return runNodeAction(call, dir, action.runs, inputs);
}

async function runNodeAction(
  call: StepCall,
  dir: string,
  runs: { readonly pre?: string; readonly main?: string; readonly post?: string; readonly "post-if"?: string },
  inputs: Readonly<Record<string, string>>,
): Promise<number> {
  const { job, contexts } = call;
  const inputEnv = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`, value]),
  );
  const state: Record<string, string> = {};
  const start = (script: string) => {
    const stateEnv = Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]));
    const env = { ...call.env, ...job.nodeActionEnv, ...inputEnv, ...stateEnv, GITHUB_ACTION_PATH: dir };
    return spawnInStep(call, { argv: [process.execPath, join(dir, script)], env, cwd: job.workspace }, state);
  };
  const { post } = runs;
  if (post !== undefined) {
    job.afterJob.push(async () => {
      const status: Status = { isFailed: job.isFailed, isCancelled: false, workspace: job.workspace };
      if (isMet(runs["post-if"] ?? "always()", contexts, status) && (await start(post)) !== 0) job.isFailed = true;
    });
  }
  const early = runs.pre === undefined ? 0 : await start(runs.pre);
  return early !== 0 || runs.main === undefined ? early : start(runs.main);
}

async function spawnInStep(
  call: StepCall,
  processCall: {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
  },
  state: Record<string, string> = {},
): Promise<number> {
  const { job, record } = call;
  const effects: StepEffects = { outputs: record.outputs, state, env: job.setEnv, paths: job.paths, summary: "" };
  const path = [...job.paths].reverse().concat(job.runnerEnv["PATH"] ?? "");
  const exitCode = await runProcess({
    argv: processCall.argv,
    cwd: processCall.cwd,
    env: { ...job.runnerEnv, PATH: path.join(":"), ...job.env, ...job.setEnv, ...processCall.env },
    tempDir: job.tempDir,
    log: job.log,
    effects,
    timeoutMinutes: call.timeoutMinutes,
    lost: job.lost,
  });
  job.summary += effects.summary;
  return exitCode;
}

function contextsNow(job: JobState, scope: Scope, stepEnv: Readonly<Record<string, string>>): Contexts {
  const steps = Object.fromEntries(Object.entries(scope.records).map(([id, record]) => [id, { ...record }]));
  return {
    ...scope.contexts,
    steps,
    job: { ...(scope.contexts["job"] as JsonMap), status: job.isFailed || scope.isFailed ? "failure" : "success" },
    env: { ...job.env, ...job.setEnv, ...scope.action?.env, ...stepEnv },
  };
}

function asText(values: JsonMap): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toText(value)]));
}
