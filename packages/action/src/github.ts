/** GitHub's REST API, as far as a comment needs it: pages, retries, deadlines. */
import { setTimeout as sleep } from "node:timers/promises";
import { getOctokit } from "@actions/github";
import type { Comment, CommentStore } from "./comment/upsert.js";

/** The account behind `${{ github.token }}`. */
export const ACTIONS_BOT = "github-actions[bot]";

/** A cut connection is back at once, a gateway after seconds; a job's minutes cost more than a comment is worth. */
const RETRY_DELAYS_MS = [250, 1000, 4000] as const;
const MAX_RETRY_AFTER_MS = 60_000;
/** A page of 100 comments of 65,536 characters each takes seconds at worst. */
const REQUEST_TIMEOUT_MS = 30_000;

export type Octokit = ReturnType<typeof getOctokit>;

export function createApi(token: string, apiUrl: string): Octokit {
  const octokit = getOctokit(token, { baseUrl: apiUrl });
  octokit.hook.wrap("request", async (request, options) => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
        return await request({ ...options, request: { ...options.request, signal } });
      } catch (error) {
        // A POST whose answer was lost may have been done: its caller looks before it tries again.
        if (options.method === "POST") throw error;
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

/** Waits where another try makes sense (5xx, a cut connection, a rate limit); rethrows where it does not. */
export async function waitAfter(error: unknown, attempt: number): Promise<void> {
  const delayMs = RETRY_DELAYS_MS[attempt];
  const status = statusOf(error) ?? (error instanceof Error && error.name === "TimeoutError" ? 500 : 0);
  const headers = headersOf(error);
  const isRateLimit =
    status === 429 || (status === 403 && ("retry-after" in headers || headers["x-ratelimit-remaining"] === "0"));
  if (delayMs === undefined || !(status >= 500 || isRateLimit)) throw error;
  const askedMs = Number(headers["retry-after"]) * 1000;
  if (askedMs > MAX_RETRY_AFTER_MS) throw error;
  await sleep(Math.max(delayMs, askedMs || 0));
}

function headersOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error) || !("response" in error)) return {};
  const { response } = error as { response?: { headers?: Record<string, unknown> } };
  return response?.headers ?? {};
}
