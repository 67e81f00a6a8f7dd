/** What the runner says about this run: the event's payload and the run's own facts. */
import { readFileSync } from "node:fs";
import { InternalError } from "@gitune/core";
import type { Env } from "./inputs.js";

/** Two commits. In a merge queue the base is the branch, or the pull request that is merged before. */
export interface Change {
  readonly headSha: string;
  readonly baseSha: string;
}

export interface PullRequest extends Change {
  readonly number: number;
  /** From another repository: GitHub gives such a run a token that can only read. */
  readonly isFork: boolean;
}

/** The run that a `workflow_run` event is about. GitHub's own words, so they can be trusted where its artifacts cannot. */
export interface FinishedRun {
  readonly headSha: string;
  readonly headBranch: string;
  /** `owner/name`; of a fork another than this one. */
  readonly headRepository: string;
}

export interface RunFacts {
  readonly owner: string;
  readonly repo: string;
  /** Where the workflow's file is, which stays when its name is changed; else its name. */
  readonly workflow: string;
  /** Counts up with each run of this workflow, so it orders two runs. */
  readonly runNumber: number;
  /** Counts up with each "re-run" of one run. */
  readonly runAttempt: number;
  readonly runUrl: string;
  readonly apiUrl: string;
  /** Null where the event is not about a pull request. */
  readonly pullRequest: PullRequest | null;
  /** Null but for a merge queue's event, which no comment belongs to. */
  readonly mergeGroup: Change | null;
  /** Null but for a `workflow_run` event, whose other facts are those of that run. */
  readonly finishedRun: FinishedRun | null;
}

/** @throws {InternalError} outside a GitHub run */
export function readRunFacts(env: Env): RunFacts {
  const [owner, repo] = required(env, "GITHUB_REPOSITORY").split("/");
  if (!owner || !repo) throw new InternalError("GITHUB_REPOSITORY is not owner/name");
  const serverUrl = env["GITHUB_SERVER_URL"] ?? "https://github.com";
  const apiUrl = env["GITHUB_API_URL"] ?? "https://api.github.com";
  const runUrl = `${serverUrl}/${owner}/${repo}/actions/runs`;
  const finished = field(readEvent(env), "workflow_run");
  const headSha = field(finished, "head_sha");
  if (typeof headSha === "string") {
    return {
      owner,
      repo,
      apiUrl,
      workflow: String(field(finished, "path") ?? ""),
      runNumber: Number(field(finished, "run_number")),
      runAttempt: Number(field(finished, "run_attempt")),
      runUrl: `${runUrl}/${Number(field(finished, "id"))}`,
      pullRequest: null,
      mergeGroup: null,
      finishedRun: {
        headSha,
        headBranch: String(field(finished, "head_branch") ?? ""),
        headRepository: String(field(field(finished, "head_repository"), "full_name") ?? ""),
      },
    };
  }
  return {
    owner,
    repo,
    workflow: workflowOf(env),
    runNumber: Number(env["GITHUB_RUN_NUMBER"] ?? 0),
    runAttempt: Number(env["GITHUB_RUN_ATTEMPT"] ?? 1),
    runUrl: `${runUrl}/${env["GITHUB_RUN_ID"] ?? ""}`,
    apiUrl,
    pullRequest: readPullRequest(env),
    mergeGroup: readMergeGroup(env),
    finishedRun: null,
  };
}

/** @returns null for an event that is not about a pull request */
export function readPullRequest(env: Env): PullRequest | null {
  const pull = field(readEvent(env), "pull_request");
  const number = field(pull, "number");
  const headSha = field(field(pull, "head"), "sha");
  const baseSha = field(field(pull, "base"), "sha");
  if (typeof number !== "number" || typeof headSha !== "string" || typeof baseSha !== "string") return null;
  const headRepo = field(field(field(pull, "head"), "repo"), "full_name");
  const baseRepo = field(field(field(pull, "base"), "repo"), "full_name");
  // A deleted fork has no repository any more.
  return { number, headSha, baseSha, isFork: headRepo !== baseRepo };
}

/**
 * @returns null for any other event
 * @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#merge_group
 */
export function readMergeGroup(env: Env): Change | null {
  const group = field(readEvent(env), "merge_group");
  const headSha = field(group, "head_sha");
  const baseSha = field(group, "base_sha");
  return typeof headSha === "string" && typeof baseSha === "string" ? { headSha, baseSha } : null;
}

/** That somebody put a label on a pull request. */
export interface Labeling {
  readonly label: string;
  /** Login of who did. */
  readonly by: string;
}

/** @returns null for any other event */
export function readLabeling(env: Env): Labeling | null {
  const event = readEvent(env);
  const label = field(field(event, "label"), "name");
  const by = field(field(event, "sender"), "login");
  if (field(event, "action") !== "labeled" || typeof label !== "string" || typeof by !== "string") return null;
  return { label, by };
}

/** @returns false where the event does not say so */
export function isPrivateRepository(env: Env): boolean {
  return field(field(readEvent(env), "repository"), "private") === true;
}

function readEvent(env: Env): unknown {
  const path = env["GITHUB_EVENT_PATH"];
  return path === undefined || path === "" ? null : JSON.parse(readFileSync(path, "utf8"));
}

/** `owner/name/.github/workflows/pr.yml@refs/pull/1/merge` -> `.github/workflows/pr.yml` */
function workflowOf(env: Env): string {
  const ref = env["GITHUB_WORKFLOW_REF"] ?? "";
  const path = /^[^/]+\/[^/]+\/(.+)@[^@]*$/.exec(ref)?.[1];
  return path ?? env["GITHUB_WORKFLOW"] ?? "workflow";
}

function required(env: Env, name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw new InternalError(`${name} is not set: not inside a GitHub run`);
  return value;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
