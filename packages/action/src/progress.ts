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
import { createApi, type LegSigns, readJobs, readSigns } from "./github.js";
import { type Env, readCommentInputs, readInput, readSeconds } from "./inputs.js";
import { jobsOfLegs, readLegs } from "./plan/legs.js";
import type { Leg } from "./plan/matrix.js";
import { type JobState, type LegState, renderProgress } from "./progress/render-progress.js";
import { type ActionResult, readResult } from "./result.js";

/** As often as beats come: a token has 1,000 requests an hour for all of a repository's runs. */
const SIGNS_EVERY_MS = 120_000;

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
  const { headSha } = pull;
  const page: Page = { octokit: createApi(inputs.token, facts.apiUrl), facts, headSha, pull, workflows: [] };
  const resultFile = readInput(env, "result-file");
  const plan: ActionResult | null = resultFile === "" ? null : readResult(resultFile);
  const legs = readLegs(readInput(env, "matrix"));
  const everyMs = readSeconds(env, "interval") * 1000;
  const run = { id: Number(env["GITHUB_RUN_ID"]), attempt: facts.runAttempt };

  const post = async (state: "queued" | "running", states: readonly LegState[], before: string): Promise<string> => {
    const report = renderProgress(state, plan, states, new Date());
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
      legs.map((leg) => ({ leg, job: null, lastBeat: null })),
      "",
    );
    let [signs, signsAt]: [ReadonlyMap<number, LegSigns>, number] = [new Map(), Number.NEGATIVE_INFINITY];
    for (;;) {
      if (performance.now() - signsAt >= SIGNS_EVERY_MS) {
        // One that is between two beats keeps the one before.
        signs = new Map([...signs, ...(await readSigns(page.octokit, facts, run.id))]);
        signsAt = performance.now();
      }
      const jobs = jobsOfLegs(await readJobs(page.octokit, facts, run));
      const states = legs.map((leg) => stateOf(leg, jobs, signs));
      if (states.every(({ job }) => job?.status === "completed")) return;
      const isStarted = states.some(({ job }) => job !== null && job.status !== "queued");
      shown = await post(isStarted ? "running" : "queued", states, shown);
      await sleep(everyMs);
    }
  } catch (error) {
    core.warning(explainFailure(error, pull.isFork, inputs.token), { title: "gitune: no progress" });
  }
}

/** A sign of another attempt of the run says nothing of this one. */
function stateOf(leg: Leg, jobs: ReadonlyMap<number, JobState>, signs: ReadonlyMap<number, LegSigns>): LegState {
  const job = jobs.get(leg.id) ?? null;
  const beat = signs.get(leg.id)?.beat ?? null;
  const isOfThis = beat !== null && job?.startedAt != null && beat.getTime() >= Date.parse(job.startedAt);
  return { leg, job, lastBeat: isOfThis ? beat : null };
}
