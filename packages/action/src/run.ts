/**
 * The first part: reads the pull request's content, so it holds no token. It leaves a summary, annotations, outputs,
 * and a result document for the part that comments.
 */
import { join, relative } from "node:path";
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";
import { annotate } from "./annotate.js";
import { boundIssues, countIssues } from "./bound-issues.js";
import { childEnv } from "./child-env.js";
import { cliMain } from "./engine.js";
import { readPullRequest } from "./event.js";
import { type Env, readRunInputs } from "./inputs.js";
import { broken, judge } from "./judge.js";
import { baseOfPullRequest } from "./merge-base.js";
import { writeOutputs, writeSummary } from "./outputs.js";
import { planMatrix } from "./plan/matrix.js";
import { reportFailure } from "./report-failure.js";
import type { ActionResult } from "./result.js";
import { runPipeline } from "./run-pipeline.js";
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

  const base = inputs.base ?? (await baseOfPullRequest(cwd, readPullRequest(env)));
  const args = [
    inputs.verb,
    ...inputs.projects,
    "--json",
    // The checks look at one state alone.
    ...(base === null || inputs.verb === "validate" ? [] : ["--base", base]),
    ...(inputs.device === null || inputs.verb === "validate" ? [] : ["--device", inputs.device]),
  ];
  core.info(`gitune ${args.join(" ")}`);
  const pipeline = await runPipeline({
    main: cliMain(),
    args,
    cwd,
    env: childEnv(env),
    write: (text) => process.stdout.write(text),
  });

  const { result: judged, issues } = judge(pipeline, workspace, join(relative(workspace, cwd), ".gitune", "report"));
  const result: ActionResult = { ...judged, issues: countIssues(issues), annotations: boundIssues(issues) };
  // Of a plan the gate's step says more, once the legs are done.
  if (inputs.verb !== "plan") writeSummary(env, result);
  if (inputs.isAnnotating) annotate(issues);
  writeOutputs(env, result, issues);
  if (inputs.verb === "plan") core.setOutput("matrix", matrixOf(result, inputs.maxJobs));
  sayVerdict(result);
}

/** Empty where there is nothing to run: GitHub refuses a matrix without a job, so the job that takes it has an `if`. */
function matrixOf({ pending }: ActionResult, maxJobs: number): string {
  return pending.length === 0 ? "" : JSON.stringify(planMatrix(pending, maxJobs));
}
