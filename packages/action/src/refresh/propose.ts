/**
 * The second part: it has the token, runs nothing that the rows came through, and takes the first part's result as data.
 * Pushes the branches, keeps a pull request for each, and one issue for all that is wrong.
 */
import { resolve } from "node:path";
import * as core from "@actions/core";
import { GituneError, redact } from "@gitune/core";
import { postCheck } from "../check/post-check.js";
import { markerKey } from "../comment/marker.js";
import { type RunFacts, readRunFacts } from "../event.js";
import { checkStore, createApi, type Octokit, readOwnLogin, statusOf } from "../github.js";
import { type Env, readCommentInputs, readInput } from "../inputs.js";
import { explainRateLimit, rateLimitOf } from "../rate-limit.js";
import { GATE_CHECK, gateCheckOf } from "./gate-check.js";
import { findProblems, HEALTH_TITLE, renderHealth } from "./health.js";
import { commitMark, proposalTitle, renderProposal } from "./proposal.js";
import { basicAuth, pushBranch } from "./push.js";
import { type RefreshDocument, type RefreshedProject, readRefreshDocument } from "./refresh-document.js";
import { issueStore, pullStore, readLastSuccess } from "./refresh-github.js";
import { upsertIssue } from "./upsert-issue.js";
import { type Proposal, upsertPull } from "./upsert-pull.js";
import { readVersionDocument, renderVersions } from "./version-document.js";

export async function proposeStep(env: Env): Promise<void> {
  const inputs = readCommentInputs(env);
  const maxAgeHours = readMaxAge(env);
  if (inputs.token !== "") {
    core.setSecret(inputs.token);
    core.setSecret(basicAuth(inputs.token).slice("basic ".length));
  }
  const document = readRefreshDocument(readInput(env, "result-file"));
  const facts = readRunFacts(env);
  const octokit = createApi(inputs.token, facts.apiUrl);

  const run: Run = { env, facts, octokit, token: inputs.token };
  const pulls = new Map<string, string>();
  const failures: string[] = [];
  const attempt = async (name: string, work: () => Promise<string | null | undefined>) => {
    try {
      const url = await work();
      if (url) pulls.set(name, url);
    } catch (error) {
      const failure = `${name}: ${explain(error, inputs.token)}`;
      core.error(failure, { title: "gitune: not proposed" });
      failures.push(failure);
    }
  };
  for (const project of document.projects) {
    if (project.status !== "proposed" && project.status !== "pending") continue;
    await attempt(project.name, () => propose(project, run));
  }
  await attempt("next versions", async () => void (await proposeVersions(run)));
  core.setOutput("pull-requests", JSON.stringify(Object.fromEntries(pulls)));

  const lastSuccess = maxAgeHours === 0 ? null : await readLastSuccess(octokit, facts, facts.workflow);
  const problems = findProblems(document, { pulls, failures, lastSuccess, now: new Date(), maxAgeHours });
  core.setOutput("healthy", String(problems.length === 0));
  try {
    const login = inputs.author ?? (await readOwnLogin(octokit, inputs.token));
    const key = markerKey(facts.workflow, inputs.projects);
    const body = renderHealth(problems, key, { number: facts.runNumber, url: facts.runUrl });
    const isHealthy = problems.length === 0;
    const number = await upsertIssue(issueStore(octokit, facts, login, key), { title: HEALTH_TITLE, body, isHealthy });
    if (number !== null) core.info(`Issue ${number}: ${isHealthy ? "closed" : "open"}.`);
  } catch (error) {
    const said = explain(error, inputs.token);
    core.warning(`The issue could not be kept up to date: ${said}`, { title: "gitune: no issue" });
  }
  sayOutcome(document, failures);
}

interface Run {
  readonly env: Env;
  readonly facts: RunFacts;
  readonly octokit: Octokit;
  readonly token: string;
}

/** @returns the pull request's address; null where another run was faster, or somebody declined it */
async function propose(project: RefreshedProject, run: Run): Promise<string | null> {
  const isQuiet = readInput(run.env, "is-default-token") === "true";
  const { runUrl, runNumber } = run.facts;
  const { branch, commit } = project;
  const body = renderProposal(project, { runUrl, runNumber, isQuiet });
  const isNew = project.status === "proposed";
  if (commit === null) return null;
  const mark = project.run === null ? null : commitMark(commit);
  const url = await pushAndOpen({ branch, title: proposalTitle(project), body, isNew, mark }, commit, run);
  if (url !== null && isQuiet) await postGate(project, commit, run);
  return url;
}

/** What a run left open, the next one completes: a commit has one of these. */
const PROPOSAL_CHECK = "gitune-refresh";

/** Without it the proposal is as good; its check, where one is required, waits for somebody. */
async function postGate(project: RefreshedProject, commit: string, { facts, octokit }: Run): Promise<void> {
  const gate = gateCheckOf(project, facts.runUrl);
  if (gate === null) return;
  try {
    const store = checkStore(octokit, facts, GATE_CHECK, commit);
    // An earlier run's, or that of the pull request's own workflow, once somebody has started it.
    if ((await store.list()).some(({ isCompleted }) => isCompleted)) return;
    await postCheck(store, { run: facts.runUrl, attempt: facts.runAttempt, id: PROPOSAL_CHECK, ...gate });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const isForbidden = statusOf(error) === 403 && rateLimitOf(error) === null;
    const why = isForbidden ? "the token lacks `checks: write`" : "GitHub could not be reached";
    core.warning(`${project.name}: the gate has said its word, but not as a check run on ${commit}: ${why} (${said})`, {
      title: "gitune: no check",
    });
  }
}

/** The pull request `Release adapters`, where the first part was asked to prepare it. */
async function proposeVersions(run: Run): Promise<void> {
  const file = readInput(run.env, "version-file");
  if (file === "") return;
  const document = readVersionDocument(file);
  const { branch, commit, status } = document;
  if (commit === null || status === "unchanged" || status === "held") return;
  const body = renderVersions(document, run.facts.runUrl);
  const isNew = status === "prepared";
  await pushAndOpen({ branch, title: "Release adapters", body, isNew, mark: commitMark(commit) }, commit, run);
}

async function pushAndOpen(proposal: Proposal, commit: string, run: Run): Promise<string | null> {
  const { env, facts, octokit, token } = run;
  const { branch } = proposal;
  const outcome = await pushBranch({
    checkout: resolve(env["GITHUB_WORKSPACE"] ?? process.cwd(), readInput(env, "working-directory") || "."),
    branch,
    commit,
    serverUrl: env["GITHUB_SERVER_URL"] ?? "https://github.com",
    repository: `${facts.owner}/${facts.repo}`,
    token,
    env,
  });
  if (outcome === "overtaken") {
    const message = `the branch ${branch} has newer commits, which stay; the next run goes on top of them`;
    core.notice(message, { title: "gitune: overtaken" });
    return null;
  }
  const { action, pull } = await upsertPull(pullStore(octokit, facts), proposal);
  core.info(`${branch}: pull request ${pull.number} ${action}.`);
  return action === "declined" ? null : pull.url;
}

const PERMISSIONS =
  "permissions:\n  contents: write\n  pull-requests: write\n  issues: write\n  checks: write\n  actions: read";

/** What a user can do about it. @param token what the server was sent, and must not be shown again */
function explain(error: unknown, token: string): string {
  const status = statusOf(error);
  const said = redact(error instanceof Error ? error.message : String(error), [token]);
  const limit = rateLimitOf(error);
  if (limit) return explainRateLimit(limit, said);
  if (status === 403 && /not permitted to create/i.test(said))
    return `GitHub Actions may not create pull requests here: turn on "Allow GitHub Actions to create and approve pull requests" in the repository's settings (${said})`;
  if (status === 401 || /Authentication failed|\b401\b/.test(said))
    return `GitHub does not know the token of the input github-token (${said})`;
  if (status === 403 || /\b403\b/.test(said))
    return `the token may not do it; add this to the workflow's job:\n${PERMISSIONS}\n(${said})`;
  return said;
}

function readMaxAge(env: Env): number {
  const written = readInput(env, "max-age-hours") || "0";
  if (/^\d{1,5}$/.test(written)) return Number(written);
  const message = `input "max-age-hours": expected a whole number of hours; found ${JSON.stringify(written.slice(0, 80))}`;
  throw new GituneError({ code: "action.input", severity: "error", message });
}

/** A gate that says no is the pull request's matter; the run is red where the refresh itself did not work. */
function sayOutcome(document: RefreshDocument, failures: readonly string[]): void {
  if (document.exit_code < 2 && failures.length === 0) return;
  const hasRun = document.exit_code !== 3 || document.issues.length === 0;
  const title = hasRun ? "gitune: refresh" : "gitune: could not run";
  const issues = [...document.issues, ...document.projects.flatMap((project) => project.issues)];
  const sources = document.projects.flatMap((project) => project.sources.flatMap((source) => source.issues));
  for (const { message, fix } of [...issues, ...sources].slice(0, 9))
    core.error(fix === undefined ? message : `${message}\nfix: ${fix}`, { title });
  process.exitCode = core.ExitCode.Failure;
}
