/** The state that new rows are added to: the base, with what was proposed before and is not merged yet. */
import {
  branchHolder,
  commitFiles,
  defaultBranch,
  GituneError,
  isAncestor,
  mergeTrees,
  resolveRef,
  treeOf,
  tryRef,
} from "@gitune/core";

export interface StartState {
  /** The commit that the proposal is to be merged into. */
  readonly base: string;
  /** The commit that new rows go on top of. */
  readonly commit: string;
  readonly branch: string;
  /** What the branch is now; null where it is not there. */
  readonly tip: string | null;
  /** What the local branch is now, which is what may be moved; null where it is not there. */
  readonly local: string | null;
  /** Whether there is something to propose without any new row. */
  readonly isPending: boolean;
}

/** A project's branch. Never the default one: that has no such name. */
export function branchOf(project: string): string {
  return `gitune/refresh-${project}`;
}

/** @param ref the base; the default branch where it is not given */
export async function resolveBase(root: string, ref: string | undefined): Promise<string> {
  if (ref !== undefined) return resolveRef(root, ref);
  return (await defaultBranch(root)) ?? (await resolveRef(root, "HEAD"));
}

/**
 * @throws {GituneError} exit code 2: `refresh.conflict` where branch and base, or the branch here and that of the
 *   remote, cannot be brought together; `refresh.in-use` where a worktree has the branch checked out
 */
export async function readStartState(root: string, project: string, base: string): Promise<StartState> {
  const branch = branchOf(project);
  const holder = await branchHolder(root, branch);
  if (holder !== null) {
    throw refused("refresh.in-use", `the branch ${branch} is checked out in ${holder}`, "switch to another branch");
  }
  const local = await tryRef(root, `refs/heads/${branch}`);
  const tip = await newest(root, branch, local, await tryRef(root, `refs/remotes/origin/${branch}`));
  const start = { base, branch, tip, local };
  // Merged, so the next proposal begins anew.
  if (tip === null || (await isAncestor(root, tip, base))) return { ...start, commit: base, isPending: false };
  if (await isAncestor(root, base, tip)) return { ...start, commit: tip, isPending: true };

  const tree = await mergeTrees(root, tip, base);
  if (tree === null) {
    const fix = `merge the default branch into ${branch}, or delete the branch`;
    throw refused("refresh.conflict", `the branch ${branch} conflicts with what it is to be merged into`, fix);
  }
  const message = `Merge ${base.slice(0, 12)} into ${branch}\n`;
  // Both are parents, so that everybody's commits stay and the branch only ever moves forward.
  const commit = await commitFiles(root, { tree, parents: [tip, base], message, files: new Map() });
  // Nothing is left of it where its rows were merged in another way, as one commit.
  return { ...start, commit, isPending: (await treeOf(root, base)) !== tree };
}

async function newest(
  root: string,
  branch: string,
  local: string | null,
  remote: string | null,
): Promise<string | null> {
  if (local === null || remote === null || local === remote) return local ?? remote;
  if (await isAncestor(root, local, remote)) return remote;
  if (await isAncestor(root, remote, local)) return local;
  const fix = `delete the local one (git branch -D ${branch}), or merge the two`;
  throw refused("refresh.conflict", `the branch ${branch} here and on origin have gone different ways`, fix);
}

function refused(code: "refresh.conflict" | "refresh.in-use", message: string, fix: string): GituneError {
  return new GituneError({ code, severity: "error", message, fix });
}
