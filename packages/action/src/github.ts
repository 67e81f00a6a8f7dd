/** GitHub's REST API, as far as a comment and a check need it: pages, retries, deadlines. */
import { setTimeout as sleep } from "node:timers/promises";
import { getOctokit } from "@actions/github";
import { readName } from "./beat/names.js";
import type { CheckOutput, CheckStore } from "./check/post-check.js";
import type { Comment, CommentStore } from "./comment/upsert.js";
import type { FinishedRun, PullRequest } from "./event.js";
import { findLostStep } from "./lost-step.js";
import type { JobState } from "./progress/render-progress.js";
import { rateLimitOf } from "./rate-limit.js";

/** The account behind `${{ github.token }}`. */
export const ACTIONS_BOT = "github-actions[bot]";

/** A cut connection is back at once, a gateway after seconds; a job's minutes cost more than a comment is worth. */
export const RETRY_DELAYS_MS = [250, 1000, 4000] as const;
const MAX_LIMIT_MS = 60_000;
/** A page of 100 comments of 65,536 characters each takes seconds at worst. */
const REQUEST_TIMEOUT_MS = 30_000;

export type Octokit = ReturnType<typeof getOctokit>;

export interface Repository {
  readonly owner: string;
  readonly repo: string;
}

export function createApi(token: string, apiUrl: string): Octokit {
  const octokit = getOctokit(token, { baseUrl: apiUrl });
  octokit.hook.wrap("request", async (request, options) => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
        return await request({ ...options, request: { ...options.request, signal } });
      } catch (error) {
        // One whose answer was lost may have been done: its caller looks before it tries again. An update of a check
        // run is such a one, since it appends its annotations.
        const isAppending = options.method === "PATCH" && options.url.includes("/check-runs/");
        if (options.method === "POST" || isAppending) throw error;
        await waitAfter(error, attempt);
      }
    }
  });
  return octokit;
}

/** The comments of one pull request. */
export function commentStore(octokit: Octokit, where: { owner: string; repo: string; number: number }): CommentStore {
  const { owner, repo } = where;
  const issue = { owner, repo, issue_number: where.number };
  return {
    async list() {
      const all = await octokit.paginate(octokit.rest.issues.listComments, { ...issue, per_page: 100 });
      return all.map((c): Comment => ({ id: c.id, body: c.body ?? "", author: c.user?.login ?? "" }));
    },
    async create(body) {
      return (await octokit.rest.issues.createComment({ ...issue, body })).data.id;
    },
    async update(id, body) {
      return unlessGone(octokit.rest.issues.updateComment({ owner, repo, comment_id: id, body }));
    },
    async remove(id) {
      await unlessGone(octokit.rest.issues.deleteComment({ owner, repo, comment_id: id }));
    },
    waitAfter,
  };
}

/** The check runs of one commit. @param name as the pull request's page shows it */
export function checkStore(octokit: Octokit, { owner, repo }: Repository, name: string, headSha: string): CheckStore {
  const { checks } = octokit.rest;
  return {
    async list() {
      const query = { owner, repo, ref: headSha, check_name: name, filter: "all", per_page: 100 } as const;
      const listed = await octokit.paginate(checks.listForRef, query);
      return listed.map(({ id, external_id: externalId, status }) => ({
        id,
        externalId: externalId ?? "",
        isCompleted: status === "completed",
      }));
    },
    async create(externalId, detailsUrl) {
      const common = { owner, repo, name, head_sha: headSha, external_id: externalId, details_url: detailsUrl };
      return (await checks.create({ ...common, status: "in_progress" })).data.id;
    },
    async append(id, output) {
      await checks.update({ owner, repo, check_run_id: id, output: toApi(output) });
    },
    async complete(id, conclusion, output) {
      await checks.update({
        owner,
        repo,
        check_run_id: id,
        status: "completed",
        conclusion,
        completed_at: new Date().toISOString(),
        output: toApi(output),
      });
    },
    async countAnnotations(id) {
      return (await checks.get({ owner, repo, check_run_id: id })).data.output.annotations_count;
    },
    waitAfter,
  };
}

function toApi({ title, summary, annotations }: CheckOutput) {
  return { title, summary, annotations: [...annotations] };
}

/** A pull request's head as it is now, which may be another than the one that the run is about. */
export async function readHead(octokit: Octokit, { owner, repo }: Repository, number: number): Promise<string> {
  return (await octokit.rest.pulls.get({ owner, repo, pull_number: number })).data.head.sha;
}

/**
 * The open pull request whose head is exactly the commit that a run was about. Asked of GitHub, since what the run
 * left behind may say anything.
 * @returns null where its head has moved on, or it is closed
 */
export async function findPullRequest(
  octokit: Octokit,
  { owner, repo }: Repository,
  run: FinishedRun,
): Promise<PullRequest | null> {
  const [headOwner = ""] = run.headRepository.split("/");
  const open = await octokit.paginate(octokit.rest.pulls.list, {
    owner,
    repo,
    state: "open",
    head: `${headOwner}:${run.headBranch}`,
    per_page: 100,
  });
  const pull = open.find(
    ({ head }) =>
      head.sha === run.headSha && head.ref === run.headBranch && head.repo?.full_name === run.headRepository,
  );
  if (!pull) return null;
  const isFork = run.headRepository !== `${owner}/${repo}`;
  return { number: pull.number, headSha: run.headSha, baseSha: pull.base.sha, isFork };
}

/** What somebody may do in a repository; who may only triage is a reader. */
export type RepositoryRole = "admin" | "write" | "read" | "none";

/** @see https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user */
export async function readRole(octokit: Octokit, { owner, repo }: Repository, login: string): Promise<RepositoryRole> {
  const { data } = await octokit.rest.repos.getCollaboratorPermissionLevel({ owner, repo, username: login });
  return ROLES.find((role) => role === data.permission) ?? "none";
}

const ROLES: readonly RepositoryRole[] = ["admin", "write", "read", "none"];

/** Name -> state of the jobs of one attempt of a run. */
export async function readJobs(
  octokit: Octokit,
  { owner, repo }: Repository,
  run: { readonly id: number; readonly attempt: number },
): Promise<ReadonlyMap<string, JobState>> {
  const jobs = await octokit.paginate(octokit.rest.actions.listJobsForWorkflowRunAttempt, {
    owner,
    repo,
    run_id: run.id,
    attempt_number: run.attempt,
    per_page: 100,
  });
  return new Map(
    jobs.map((job): [string, JobState] => [
      job.name,
      {
        status: job.status,
        conclusion: job.conclusion,
        startedAt: job.started_at,
        completedAt: job.completed_at,
        lostStep: findLostStep(job.conclusion, job.steps ?? []),
        hasRunner: job.runner_name !== null && job.runner_name !== "",
      },
    ]),
  );
}

/** What the jobs of a run have sent of themselves: artifacts, by the names of `beat/names.ts`. */
export async function readSigns(
  octokit: Octokit,
  { owner, repo }: Repository,
  runId: number,
): Promise<ReadonlyMap<number, LegSigns>> {
  const found = await octokit.paginate(octokit.rest.actions.listWorkflowRunArtifacts, {
    owner,
    repo,
    run_id: runId,
    per_page: 100,
  });
  const signs = new Map<number, LegSigns>();
  for (const { name, created_at: createdAt } of found) {
    const known = readName(name);
    if (known === undefined || createdAt === null) continue;
    signs.set(known.leg, { ...(signs.get(known.leg) ?? NO_SIGNS), [known.kind]: new Date(createdAt) });
  }
  return signs;
}

/** When each was sent; null where it was not. */
export interface LegSigns {
  readonly beat: Date | null;
  readonly checkpoint: Date | null;
}

export const NO_SIGNS: LegSigns = { beat: null, checkpoint: null };

/**
 * Whose comments may be updated: the token's own account. An Actions token may not ask for its account (it is an
 * installation's, `ghs_`), and is the Actions bot unless an app made it.
 */
export async function readOwnLogin(octokit: Octokit, token: string): Promise<string> {
  if (token.startsWith("ghs_")) return ACTIONS_BOT;
  try {
    return (await octokit.rest.users.getAuthenticated()).data.login;
  } catch (error) {
    if (statusOf(error) === 401) throw error;
    return ACTIONS_BOT;
  }
}

/** @returns undefined where the failure is not an answer of GitHub */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}

async function unlessGone(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 410) return false;
    throw error;
  }
}

/** Waits where another try makes sense (5xx, a cut connection, a rate limit that ends soon); rethrows where it does not. */
export async function waitAfter(error: unknown, attempt: number): Promise<void> {
  const delayMs = RETRY_DELAYS_MS[attempt];
  const status = statusOf(error) ?? (error instanceof Error && error.name === "TimeoutError" ? 500 : 0);
  const now = new Date();
  const limit = rateLimitOf(error, now);
  if (delayMs === undefined || !(status >= 500 || limit)) throw error;
  const limitMs = limit?.endsAt ? limit.endsAt.getTime() - now.getTime() : 0;
  if (limitMs > MAX_LIMIT_MS) throw error;
  await sleep(Math.max(delayMs, limitMs));
}
