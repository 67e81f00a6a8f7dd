/** Whether a pull request changes the workflows by which it is judged. */
import { escapeMarkdown } from "@gitune/core";
import type { PullRequest } from "./event.js";
import type { Octokit, Repository } from "./github.js";

/** @see https://docs.github.com/en/rest/commits/commits#compare-two-commits */
const MAX_LISTED_FILES = 300;
const WORKFLOW = /^\.github\/(?:workflows|actions)\//;
/** More would push the verdict away. */
const MAX_NAMED = 3;
const MAX_NAME_CHARS = 100;

/**
 * Asked of GitHub by the two commits, which stay what they are whatever is pushed meanwhile.
 * @returns the files of workflows that it changes; null where GitHub does not list all that it changes
 */
export async function changedWorkflows(
  octokit: Octokit,
  { owner, repo }: Repository,
  { baseSha, headSha }: Pick<PullRequest, "baseSha" | "headSha">,
): Promise<readonly string[] | null> {
  const basehead = `${baseSha}...${headSha}`;
  // One commit a page: only the files are wanted, which come with the first one.
  const { data } = await octokit.rest.repos.compareCommitsWithBasehead({ owner, repo, basehead, per_page: 1 });
  const files = data.files ?? [];
  const names = files.flatMap(({ filename, previous_filename: previous }) => [
    filename,
    ...(previous === undefined ? [] : [previous]),
  ]);
  const found = names.filter((name) => WORKFLOW.test(name));
  return found.length === 0 && files.length >= MAX_LISTED_FILES ? null : found;
}

/** What is said above a verdict that such a pull request has; empty where it changes none. */
export function workflowCaution(workflows: readonly string[] | null): string {
  if (workflows?.length === 0) return "";
  const named = (workflows ?? []).slice(0, MAX_NAMED).map((name) => escapeMarkdown(name.slice(0, MAX_NAME_CHARS)));
  const more = (workflows?.length ?? 0) - named.length;
  const what =
    workflows === null
      ? "more files than GitHub lists, workflows perhaps among them"
      : `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `> [!CAUTION]\n> This pull request changes ${what}: its own workflow has made what is said here. Read that change first.\n\n`;
}
