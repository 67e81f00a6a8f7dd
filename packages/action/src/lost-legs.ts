/** What became of the jobs that left no result, as far as GitHub knows: a lost machine is told from a failed gate. */
import * as core from "@actions/core";
import { readRunFacts } from "./event.js";
import { createApi, type LegSigns, NO_SIGNS, readJobs, readSigns } from "./github.js";
import { type Env, readInput } from "./inputs.js";
import { jobsOfLegs, readLegs } from "./plan/legs.js";
import { clockTime, type JobState } from "./progress/render-progress.js";

/** @returns name of a project -> a sentence without its full stop; empty where GitHub cannot be asked */
export async function explainLegs(env: Env): Promise<ReadonlyMap<string, string>> {
  const token = readInput(env, "github-token");
  if (token === "") return new Map();
  core.setSecret(token);
  try {
    const facts = readRunFacts(env);
    const octokit = createApi(token, facts.apiUrl);
    const runId = Number(env["GITHUB_RUN_ID"]);
    const jobs = jobsOfLegs(await readJobs(octokit, facts, { id: runId, attempt: facts.runAttempt }));
    const signs = await readSigns(octokit, facts, runId);
    return new Map(
      readLegs(readInput(env, "matrix")).flatMap(({ id, projects }) => {
        const sentence = describeLostLeg(jobs.get(id) ?? null, signs.get(id) ?? NO_SIGNS);
        return projects.split(",").map((name): [string, string] => [name, sentence]);
      }),
    );
  } catch (error) {
    core.info(`What became of the jobs is unknown: ${error instanceof Error ? error.message : error}`);
    return new Map();
  }
}

/** Pure. @param job null where GitHub has none */
export function describeLostLeg(job: JobState | null, { beat, checkpoint }: LegSigns): string {
  if (job === null) return "its job never began";
  const sign = beat === null ? "" : `; last sign of life ${clockTime(beat)}`;
  const kept = checkpoint === null ? "" : `; the checkpoint of ${clockTime(checkpoint)} is kept`;
  if (job.lostStep !== null) return `its machine was lost in the step "${job.lostStep}"${sign}${kept}`;
  if (!job.hasRunner) return `no machine took its job, which ended as "${job.conclusion}"`;
  const how = job.conclusion === "cancelled" ? "was cancelled, or ran out of time" : `ended as "${job.conclusion}"`;
  return `its job ${how}, and left no result${sign}${kept}`;
}
