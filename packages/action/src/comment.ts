/**
 * The second part: it has the token, runs nothing of the pull request, and takes the first part's result as data. That
 * a comment cannot be written is never a failure: the verdict stands in the summary.
 */
import * as core from "@actions/core";
import { type Marker, markerKey } from "./comment/marker.js";
import { renderComment } from "./comment/render-comment.js";
import { upsertComment } from "./comment/upsert.js";
import { type PullRequest, type RunFacts, readRunFacts } from "./event.js";
import { ACTIONS_BOT, commentStore, createApi, readOwnLogin, statusOf } from "./github.js";
import { type CommentInputs, type Env, readCommentInputs, readInput } from "./inputs.js";
import { readResult } from "./result.js";

/** Comments on the pull request as the inputs ask for, and sets the output `comment-body`. */
export async function commentStep(env: Env): Promise<void> {
  const inputs = readCommentInputs(env);
  if (inputs.token !== "") core.setSecret(inputs.token);
  const resultFile = readInput(env, "result-file");
  if (resultFile === "") {
    core.info("No comment: the pipeline's step left no result, and has said why.");
    return;
  }
  const result = readResult(resultFile);
  const facts = readRunFacts(env);
  const pull = facts.pullRequest;
  const marker: Marker = {
    key: markerKey(facts.workflow, inputs.projects),
    commit: pull?.headSha ?? env["GITHUB_SHA"] ?? "0".repeat(40),
    run: facts.runNumber,
    attempt: facts.runAttempt,
    verdict: result.verdict,
    history: [],
  };
  const render = (withHistory: Marker) => renderComment(result, withHistory, facts.runUrl);
  core.setOutput("comment-body", render(marker));

  if (inputs.mode === "off") return;
  if (!pull) {
    core.info("No comment: this run is not about a pull request.");
    return;
  }
  if (inputs.token === "") {
    core.warning("No comment: the input github-token is empty.", { title: "gitune: no comment" });
    return;
  }
  try {
    await post(inputs, facts, pull, marker, render);
  } catch (error) {
    core.warning(explain(error, pull), { title: "gitune: no comment" });
  }
}

async function post(
  inputs: CommentInputs,
  facts: RunFacts,
  pull: PullRequest,
  marker: Marker,
  render: (marker: Marker) => string,
): Promise<void> {
  const octokit = createApi(inputs.token, facts.apiUrl);
  const store = commentStore(octokit, { owner: facts.owner, repo: facts.repo, number: pull.number });
  if (inputs.mode === "new") {
    await store.create(render(marker));
    core.info("Commented.");
    return;
  }
  const login = inputs.author ?? (await readOwnLogin(octokit, inputs.token));
  const isOurs = (author: string) => author === login || author === ACTIONS_BOT;
  const outcome = await upsertComment(store, { isOurs, marker, render });
  if (outcome.action === "kept") {
    core.info(`The comment is of a newer run (${outcome.by.run}.${outcome.by.attempt}) already; left as it is.`);
  } else {
    core.info(`Comment ${outcome.id} ${outcome.action}.`);
  }
}

const PERMISSIONS = "permissions:\n  contents: read\n  pull-requests: write";

/** What a user can do about it. The job's summary has the report in any case. */
function explain(error: unknown, pull: PullRequest): string {
  const status = statusOf(error);
  const said = error instanceof Error ? error.message : String(error);
  if (status === 403 && /locked/i.test(said)) return `The conversation is locked, so there is no comment (${said}).`;
  if (status === 401) return `GitHub does not know the token of the input github-token (${said}).`;
  if (status !== 403 && status !== 404)
    return `GitHub could not be reached; the report is in the job's summary (${said}).`;
  if (pull.isFork) {
    return `A pull request from a fork gets a token that can only read, so there is no comment; the report is in the job's summary (${said}).`;
  }
  return `The token may not comment; the report is in the job's summary. Add this to the workflow:\n\n${PERMISSIONS}\n\n(${said})`;
}
