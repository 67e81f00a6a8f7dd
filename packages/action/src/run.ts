/**
 * The first part: reads the pull request's content, so it holds no token. It leaves a summary, annotations, outputs,
 * and a result document for the part that comments.
 */
import { join, relative } from "node:path";
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";
import { annotate } from "./annotate.js";
import { boundIssues, countIssues } from "./bound-issues.js";
import { type Gitune, gituneIn, withinJob } from "./call-gitune.js";
import { readMergeGroup, readPullRequest } from "./event.js";
import { type Env, type RunInputs, readRunInputs } from "./inputs.js";
import { broken, judge } from "./judge.js";
import { baseOfChange } from "./merge-base.js";
import { writeOutputs, writeSummary } from "./outputs.js";
import { planMatrix } from "./plan/matrix.js";
import { preflight } from "./preflight.js";
import { reportFailure } from "./report-failure.js";
import type { ActionResult } from "./result.js";
import type { PipelineRun } from "./run-pipeline.js";
import { sayVerdict } from "./say-verdict.js";
import { workingFolder } from "./working-folder.js";

/** Runs the pipeline and reports it; sets the step's exit code. Leaves a result whatever happens, for whoever waits. */
export async function runStep(env: Env): Promise<void> {
  try {
    await run(env);
  } catch (error) {
    reportFailure(error);
    const isInput = error instanceof GituneError && error.exitCode === 2;
    const { result, issues } = broken(isInput ? 2 : 3, error instanceof GituneError ? error.issues : []);
    writeOutputs(env, { ...result, issues: countIssues(issues), annotations: boundIssues(issues) }, issues);
  }
}

async function run(env: Env): Promise<void> {
  const inputs = readRunInputs(env);
  const { workspace, cwd } = workingFolder(env, inputs.workingDirectory);

  const gitune = gituneIn(cwd, env);
  const { verb, projects } = inputs;
  const lacking = verb === "run" ? await preflight(projects, inputs, gitune) : null;
  const pipeline = lacking ?? (await callVerb(inputs, env, cwd, gitune));

  const { result: judged, issues } = judge(pipeline, workspace, join(relative(workspace, cwd), ".gitune", "report"));
  const result: ActionResult = { ...judged, issues: countIssues(issues), annotations: boundIssues(issues) };
  // Of a plan the gate's step says more, once the legs are done.
  if (inputs.verb !== "plan") writeSummary(env, result);
  if (inputs.isAnnotating) annotate(issues);
  writeOutputs(env, result, issues);
  if (inputs.verb === "plan") core.setOutput("matrix", matrixOf(result, inputs.maxJobs));
  sayVerdict(result);
}

async function callVerb(inputs: RunInputs, env: Env, cwd: string, gitune: Gitune): Promise<PipelineRun> {
  const { verb, projects, device, job } = inputs;
  const call = [verb, ...projects, "--json"];
  // The checks look at one state alone.
  if (verb === "validate") return gitune(call);
  const base = inputs.base ?? (await baseOfChange(cwd, readPullRequest(env) ?? readMergeGroup(env)));
  const options = [...(base === null ? [] : ["--base", base]), ...(device === null ? [] : ["--device", device])];
  return withinJob(gitune, [...call, ...options], verb === "run" ? job : null);
}

/** Empty where there is nothing to run: GitHub refuses a matrix without a job, so the job that takes it has an `if`. */
function matrixOf({ pending }: ActionResult, maxJobs: number): string {
  return pending.length === 0 ? "" : JSON.stringify(planMatrix(pending, maxJobs));
}
