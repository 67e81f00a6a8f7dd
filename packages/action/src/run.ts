/**
 * The first part: reads the pull request's content, so it holds no token. It leaves a summary, annotations, outputs,
 * and a result document for the part that comments.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";
import { annotate } from "./annotate.js";
import { childEnv } from "./child-env.js";
import { cliMain } from "./engine.js";
import { readPullRequest } from "./event.js";
import { type Env, readRunInputs } from "./inputs.js";
import { judge } from "./judge.js";
import { baseOfPullRequest } from "./merge-base.js";
import { writeOutputs, writeSummary } from "./outputs.js";
import { type ActionResult, writeResult } from "./result.js";
import { runPipeline } from "./run-pipeline.js";

/** Runs the pipeline and reports it; sets the step's exit code. */
export async function runStep(env: Env): Promise<ActionResult> {
  const inputs = readRunInputs(env);
  const workspace = resolve(env["GITHUB_WORKSPACE"] ?? process.cwd());
  const cwd = resolve(workspace, inputs.workingDirectory);
  if (relative(workspace, cwd).startsWith("..")) {
    const message = `input "working-directory": "${inputs.workingDirectory}" is outside of the workspace`;
    throw new GituneError({ code: "action.input", severity: "error", message });
  }

  const base = inputs.base ?? (await baseOfPullRequest(cwd, readPullRequest(env)));
  const args = ["run", ...inputs.projects, "--json", ...(base === null ? [] : ["--base", base])];
  core.info(`gitune ${args.join(" ")}`);
  const pipeline = await runPipeline({
    main: cliMain(),
    args,
    cwd,
    env: childEnv(env),
    write: (text) => process.stdout.write(text),
  });

  const judgement = judge(pipeline, workspace, join(relative(workspace, cwd), ".gitune", "report"));
  const result: ActionResult = { ...judgement.result, issues: annotate(judgement.issues) };
  const resultFile = join(mkdtempSync(join(env["RUNNER_TEMP"] ?? tmpdir(), "gitune-")), "result.json");
  writeResult(resultFile, result);
  writeSummary(env, result);
  writeOutputs(result, resultFile);
  sayVerdict(result);
  return result;
}

/** The step's own message, and the only thing that turns the job red. */
function sayVerdict(result: ActionResult): void {
  const { verdict, exit_code: exitCode } = result;
  if (verdict === "pass") {
    core.info("gitune: pass");
    return;
  }
  if (verdict === "inconclusive") {
    core.warning("The rows are too few to decide; the report says how many would do.", {
      title: "gitune: inconclusive",
    });
    return;
  }
  if (verdict === "fail") {
    // A gate may also block what it cannot decide.
    const blocking = result.projects.filter((project) => project.verdict !== "pass");
    const names = blocking.map((project) => `${project.name}: ${project.verdict}`).join(", ");
    // A project that failed its checks was never compared.
    const isCompared = blocking.some((project) => project.rules.length > 0);
    core.error(`${names === "" ? "" : `${names}. `}The job's summary says why.`, {
      title: isCompared ? "gitune: the gate says no" : "gitune: a check says no",
    });
  } else if (exitCode === 2) {
    core.error("The input or the config is wrong, so there is no verdict. This is not the gate.", {
      title: "gitune: bad input",
    });
  } else {
    core.error("The machine, the network or gitune itself failed, so there is no verdict. This is not the gate.", {
      title: "gitune: could not run",
    });
  }
  process.exitCode = core.ExitCode.Failure;
}
