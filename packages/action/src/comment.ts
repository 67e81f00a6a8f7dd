/**
 * The second part: it has the token, runs nothing of the pull request, and takes the first part's result as data. What
 * cannot be posted is never a failure: the verdict stands in the summary.
 */
import * as core from "@actions/core";
import { printable, redact } from "@gitune/core";
import { annotate } from "./annotate.js";
import { postCheck } from "./check/post-check.js";
import { checkOutputOf, conclusionOf } from "./check/to-check.js";
import { lost } from "./combine.js";
import { type Marker, type MarkerState, markerKey } from "./comment/marker.js";
import { renderComment } from "./comment/render-comment.js";
import { upsertComment } from "./comment/upsert.js";
import { type PullRequest, type RunFacts, readRunFacts } from "./event.js";
import { explainFailure } from "./explain-failure.js";
import {
  ACTIONS_BOT,
  checkStore,
  commentStore,
  createApi,
  findPullRequest,
  type Octokit,
  readHead,
  readOwnLogin,
} from "./github.js";
import { type CommentInputs, type Env, readCommentInputs, readInput } from "./inputs.js";
import { renderProgress } from "./progress/render-progress.js";
import { type ActionResult, readResult } from "./result.js";
import { changedWorkflows, workflowCaution } from "./workflow-changes.js";

/** Where a result is shown. */
export interface Page {
  readonly octokit: Octokit;
  readonly facts: RunFacts;
  /** The commit that it is about. */
  readonly headSha: string;
  /** Null for a merge group: several pull requests may be in it, and each has its own comment. */
  readonly pull: PullRequest | null;
  /** Files of workflows that the pull request changes; null where it changes too much to tell. */
  readonly workflows: readonly string[] | null;
}

/** Posts what the inputs ask for, and sets the output `comment-body`. */
export async function commentStep(env: Env): Promise<void> {
  const inputs = readCommentInputs(env);
  if (inputs.token !== "") core.setSecret(inputs.token);
  const resultFile = readInput(env, "result-file");
  const result = inputs.state === "done" ? resultOf(resultFile) : null;
  const facts = readRunFacts(env);
  const report =
    result?.comment ?? renderProgress(inputs.state === "queued" ? "queued" : "running", null, [], new Date());
  const state: MarkerState = result?.verdict ?? (inputs.state === "queued" ? "queued" : "running");
  const about = facts.pullRequest ?? facts.mergeGroup ?? facts.finishedRun;
  const commit = about?.headSha ?? env["GITHUB_SHA"] ?? "0".repeat(40);
  if (result) core.setOutput("comment-body", renderComment(report, markerOf(facts, inputs, commit, state), facts));

  const failures = new Set<string>();
  const page = inputs.token === "" ? null : await openPage(inputs, facts, result !== null, failures);
  if (inputs.token === "") failures.add("The input github-token is empty, so nothing is posted.");
  if (result) await showIssues(result, inputs, facts, page, failures);
  if (page && inputs.mode !== "off") {
    const marker = markerOf(facts, inputs, page.headSha, state);
    await postComment(page, inputs, marker, report).catch((error: unknown) => {
      failures.add(explainFailure(error, isReadOnly(facts), inputs.token));
    });
  }
  for (const message of failures) {
    // What could not say "running" will say so when there is a result.
    if (result) core.warning(message, { title: "gitune: not posted" });
    else core.info(message);
  }
}

/** A comment must not say "running" for ever, so a run that was cancelled is a result, too. */
function resultOf(file: string): ActionResult {
  return file === "" ? lost(["The run ended before there was a result."]) : readResult(file);
}

/** @returns null where this run is about no merge group, and no pull request that is still at its commit */
async function openPage(
  inputs: CommentInputs,
  facts: RunFacts,
  isDone: boolean,
  failures: Set<string>,
): Promise<Page | null> {
  if (inputs.mode === "off" && !inputs.hasCheckRun) return null;
  const octokit = createApi(inputs.token, facts.apiUrl);
  const { pullRequest, mergeGroup, finishedRun } = facts;
  if (pullRequest) {
    const workflows = isDone ? await ownChanges(octokit, facts, pullRequest) : [];
    return { octokit, facts, headSha: pullRequest.headSha, pull: pullRequest, workflows };
  }
  if (mergeGroup) return { octokit, facts, headSha: mergeGroup.headSha, pull: null, workflows: [] };
  if (!finishedRun) {
    core.info("Nothing to post: this run is not about a pull request.");
    return null;
  }
  try {
    const pull = await findPullRequest(octokit, facts, finishedRun);
    const { headSha } = finishedRun;
    if (pull) return { octokit, facts, headSha, pull, workflows: await changedWorkflows(octokit, facts, pull) };
    core.info("Nothing to post: no open pull request has this commit as its head; a newer run will speak.");
  } catch (error) {
    failures.add(explainFailure(error, isReadOnly(facts), inputs.token));
  }
  return null;
}

/** Of a pull request whose workflow this is, a hint: what cannot be told is no reason to say less. */
async function ownChanges(octokit: Octokit, facts: RunFacts, pull: PullRequest): Promise<readonly string[]> {
  try {
    return (await changedWorkflows(octokit, facts, pull)) ?? [];
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    core.info(`Whether it changes a workflow is not known: ${printable(redact(said))}`);
    return [];
  }
}

/** On the lines: by a check run, which holds all of them; else by the log, which shows the first ones. */
async function showIssues(
  result: ActionResult,
  inputs: CommentInputs,
  facts: RunFacts,
  page: Page | null,
  failures: Set<string>,
): Promise<void> {
  if (page && inputs.hasCheckRun) {
    const { projects } = inputs;
    const name = `gitune${projects.length > 0 ? ` (${projects.join(", ")})` : ""}`.slice(0, 100);
    // Then the run that left the result was the fork's own making: nothing may look like our word.
    const isDoubtful = facts.finishedRun !== null && page.workflows?.length !== 0;
    const output = checkOutputOf(result, facts.runUrl);
    try {
      await postCheck(checkStore(page.octokit, facts, name, page.headSha), {
        run: facts.runUrl,
        attempt: facts.runAttempt,
        conclusion: isDoubtful ? "action_required" : conclusionOf(result),
        output: isDoubtful ? { ...output, title: "Changes a workflow: look at that first" } : output,
      });
      return;
    } catch (error) {
      failures.add(explainFailure(error, isReadOnly(facts), inputs.token));
    }
  }
  // Of another run, on another commit: its own log has them.
  if (!facts.finishedRun) annotate(result.annotations);
}

function markerOf(facts: RunFacts, { projects }: CommentInputs, commit: string, verdict: MarkerState): Marker {
  const { workflow, runNumber: run, runAttempt: attempt } = facts;
  return { key: markerKey(workflow, projects), commit, run, attempt, verdict, history: [] };
}

/** A run of a fork's pull request; the run that follows it is the repository's own. */
function isReadOnly({ pullRequest }: RunFacts): boolean {
  return pullRequest?.isFork ?? false;
}

/** Writes the comment by the mode that the inputs ask for, where there is a pull request. @param report Markdown, not trusted */
export async function postComment(page: Page, inputs: CommentInputs, marker: Marker, report: string): Promise<void> {
  const { octokit, facts, pull, workflows } = page;
  if (!pull) return;
  const caution = workflowCaution(workflows);
  const store = commentStore(octokit, { owner: facts.owner, repo: facts.repo, number: pull.number });
  if (inputs.mode === "new") {
    // A state that passes is no comment of its own.
    if (inputs.state !== "done") return;
    await store.create(renderComment(report, marker, { runUrl: facts.runUrl, caution }));
    core.info("Commented.");
    return;
  }
  const head = await readHead(octokit, facts, pull.number);
  const login = inputs.author ?? (await readOwnLogin(octokit, inputs.token));
  const isOurs = (author: string) => author === login || author === ACTIONS_BOT;
  const render = (withHistory: Marker) => renderComment(report, withHistory, { runUrl: facts.runUrl, head, caution });
  const outcome = await upsertComment(store, { isOurs, marker, head, render });
  if (outcome.action === "kept") {
    core.info(`The comment is of a newer run (${outcome.by.run}.${outcome.by.attempt}) already; left as it is.`);
  } else {
    core.info(`Comment ${outcome.id} ${outcome.action}.`);
  }
}
