/** Which commit a pull request, or a merge group, is compared with, where the user did not say. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Change } from "./event.js";

const run = promisify(execFile);

/**
 * A checkout of `pull_request` is a merge of the head into the base branch as it is now, so its first parent is
 * exactly the other side. Elsewhere the event's base is given, and the CLI takes the merge-base with it.
 * @returns null where the CLI should decide by itself
 */
export async function baseOfChange(cwd: string, change: Change | null): Promise<string | null> {
  if (!change) return null;
  const parents = (await git(cwd, "rev-list", "--parents", "--max-count=1", "HEAD"))?.split(" ").slice(1) ?? [];
  if (parents.length === 2 && parents[1] === change.headSha) return parents[0] ?? null;
  const hasBase = await git(cwd, "cat-file", "-e", `${change.baseSha}^{commit}`);
  return hasBase === null ? null : change.baseSha;
}

/** @returns null when git says no */
async function git(cwd: string, ...args: readonly string[]): Promise<string | null> {
  try {
    return (await run("git", [...args], { cwd })).stdout.trim();
  } catch {
    return null;
  }
}
