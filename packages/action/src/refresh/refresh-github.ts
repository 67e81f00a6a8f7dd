/** Pull requests, the health issue and past runs on GitHub. */
import { type Octokit, statusOf, waitAfter } from "../github.js";
import { healthMarker } from "./health.js";
import type { IssueStore } from "./upsert-issue.js";
import type { Pull, PullStore } from "./upsert-pull.js";

interface Where {
  readonly owner: string;
  readonly repo: string;
}

export function pullStore(octokit: Octokit, { owner, repo }: Where): PullStore {
  const { pulls, repos } = octokit.rest;
  return {
    async list(branch) {
      const query = { owner, repo, state: "all", head: `${owner}:${branch}`, per_page: 100 } as const;
      const all = await octokit.paginate(pulls.list, query);
      // Of this repository's branch alone: a fork's may have the same name.
      return all
        .filter(({ head }) => head.ref === branch && head.repo?.full_name === `${owner}/${repo}`)
        .map((pull) => toPull(pull));
    },
    async create(branch, title, body) {
      const { default_branch: base } = (await repos.get({ owner, repo })).data;
      return toPull((await pulls.create({ owner, repo, head: branch, base, title, body })).data);
    },
    async update(number, body) {
      await pulls.update({ owner, repo, pull_number: number, body });
    },
    waitAfter,
  };
}

function toPull(pull: {
  readonly number: number;
  readonly html_url: string;
  readonly state: string;
  readonly merged_at: string | null;
  readonly body: string | null;
}): Pull {
  const { number, html_url: url, body } = pull;
  return { number, url, isOpen: pull.state === "open", isMerged: pull.merged_at != null, body: body ?? "" };
}

/** @param login whose issues are ours: anybody can paste a marker */
export function issueStore(octokit: Octokit, { owner, repo }: Where, login: string, key: string): IssueStore {
  const { issues } = octokit.rest;
  return {
    async list() {
      const query = { owner, repo, state: "all", creator: login, per_page: 100 } as const;
      const all = await octokit.paginate(issues.listForRepo, query);
      return all
        .filter((one) => !one.pull_request && one.user?.login === login && one.body?.startsWith(healthMarker(key)))
        .map((one) => ({ number: one.number, isOpen: one.state === "open" }));
    },
    async create(title, body) {
      return (await issues.create({ owner, repo, title, body })).data.number;
    },
    async update(number, body, state) {
      const reason = state === "closed" ? ({ state_reason: "completed" } as const) : {};
      await issues.update({ owner, repo, issue_number: number, body, state, ...reason });
    },
    waitAfter,
  };
}

/**
 * When the last run of a workflow that ended well began.
 * @param workflow its file, such as `.github/workflows/nightly.yml`
 * @returns null where none has, or the token may not see it (`actions: read`)
 */
export async function readLastSuccess(
  octokit: Octokit,
  { owner, repo }: Where,
  workflow: string,
): Promise<Date | null> {
  const file = workflow.split("/").at(-1) ?? workflow;
  try {
    const query = { owner, repo, workflow_id: file, status: "success", per_page: 1 } as const;
    const { data } = await octokit.rest.actions.listWorkflowRuns(query);
    const began = data.workflow_runs[0]?.run_started_at ?? data.workflow_runs[0]?.created_at;
    return began ? new Date(began) : null;
  } catch (error) {
    if (statusOf(error) === 403 || statusOf(error) === 404) return null;
    throw error;
  }
}
