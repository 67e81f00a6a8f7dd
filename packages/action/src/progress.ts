/**
 * Keeps the comment at how far the run is, from beside it: the jobs that read the pull request's content have no token,
 * so another one asks GitHub how they are doing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as core from "@actions/core";
import { markerKey } from "./comment/marker.js";
import { type Page, postComment } from "./comment.js";
import { readRunFacts } from "./event.js";
import { explainFailure } from "./explain-failure.js";
import { createApi, readJobs } from "./github.js";
import { type Env, readCommentInputs, readInput, readSeconds } from "./inputs.js";
import type { Leg, Matrix } from "./plan/matrix.js";
import { type JobState, type LegState, renderProgress } from "./progress/render-progress.js";
import { type ActionResult, readResult } from "./result.js";

/** A matrix job's name ends so, whatever the caller's job is called. */
const LEG_NAME = /(?:^|\/ )train (\d+)$/;

/** Posts the plan, then follows the legs until the last one is done. Nothing here is a failure. */
export async function progressStep(env: Env): Promise<void> {
  const inputs = { ...readCommentInputs(env), state: "running" as const };
  if (inputs.token !== "") core.setSecret(inputs.token);
  const facts = readRunFacts(env);
  const pull = facts.pullRequest;
  if (!pull || inputs.token === "" || inputs.mode !== "sticky") {
    core.info("No progress: there is no comment to keep.");
    return;
  }
  const page: Page = { octokit: createApi(inputs.token, facts.apiUrl), facts, pull, workflows: [] };
  const resultFile = readInput(env, "result-file");
  const plan: ActionResult | null = resultFile === "" ? null : readResult(resultFile);
  const legs = readLegs(readInput(env, "matrix"));
  const everyMs = readSeconds(env, "interval") * 1000;
  const run = { id: Number(env["GITHUB_RUN_ID"]), attempt: facts.runAttempt };

  const post = async (state: "queued" | "running", states: readonly LegState[], before: string): Promise<string> => {
    const report = renderProgress(state, plan, states);
    const marker = {
      key: markerKey(facts.workflow, inputs.projects),
      commit: pull.headSha,
      run: facts.runNumber,
      attempt: facts.runAttempt,
      verdict: state,
      history: [],
    };
    // Nothing new is no reason to spend a request.
    if (report !== before) await postComment(page, inputs, marker, report);
    return report;
  };
  try {
    let shown = await post(
      "queued",
      legs.map((leg) => ({ leg, job: null })),
      "",
    );
    for (;;) {
      const states = withJobs(legs, await readJobs(page.octokit, facts, run));
      if (states.every(({ job }) => job?.status === "completed")) return;
      const isStarted = states.some(({ job }) => job !== null && job.status !== "queued");
      shown = await post(isStarted ? "running" : "queued", states, shown);
      await sleep(everyMs);
    }
  } catch (error) {
    core.warning(explainFailure(error, pull.isFork, inputs.token), { title: "gitune: no progress" });
  }
}

function readLegs(matrix: string): readonly Leg[] {
  return matrix === "" ? [] : (JSON.parse(matrix) as Matrix).include;
}

function withJobs(legs: readonly Leg[], jobs: ReadonlyMap<string, JobState>): readonly LegState[] {
  const byId = new Map<number, JobState>();
  for (const [name, job] of jobs) {
    const id = LEG_NAME.exec(name)?.[1];
    if (id !== undefined) byId.set(Number(id), job);
  }
  return legs.map((leg) => ({ leg, job: byId.get(leg.id) ?? null }));
}
