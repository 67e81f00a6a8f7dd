/** The command line, as every step calls it: in the log, as a sign of life, and without a token. */
import * as core from "@actions/core";
import { signOfLife } from "./beat/sign-of-life.js";
import { childEnv } from "./child-env.js";
import { cliMain } from "./engine.js";
import type { Env, RunInputs } from "./inputs.js";
import { type PipelineRun, runPipeline } from "./run-pipeline.js";
import { timeLimit } from "./time-limit.js";

/** @param args of the verb, which may not start with what a user typed; `endAfterMs` as of `runPipeline` */
export type Gitune = (args: readonly string[], endAfterMs?: number) => Promise<PipelineRun>;

/**
 * @param cwd absolute path of the folder that it runs in
 * @param more variables that this step may hand on, beyond those that are no secret
 */
export function gituneIn(cwd: string, env: Env, more: Readonly<Record<string, string>> = {}): Gitune {
  const isAlive = signOfLife(env);
  return (args, endAfterMs) => {
    core.info(`gitune ${args.join(" ")}`);
    return runPipeline({
      main: cliMain(),
      args,
      cwd,
      env: { ...childEnv(env), ...more },
      write: (text) => {
        process.stdout.write(text);
        isAlive(text);
      },
      ...(endAfterMs === undefined ? {} : { endAfterMs }),
    });
  };
}

/** Calls a verb that takes `--time-limit`, so that it stops by itself before GitHub ends the job. */
export function withinJob(gitune: Gitune, args: readonly string[], job: RunInputs["job"]): Promise<PipelineRun> {
  if (job === null) return gitune(args);
  const { stopMinutes, endMinutes } = timeLimit(job.timeoutMinutes, job.startedMs, Date.now());
  return gitune([...args, "--time-limit", stopMinutes.toFixed(2)], endMinutes * 60_000);
}
