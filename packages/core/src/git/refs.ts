/** Names of commits, as commits. */
import { GituneError } from "../issue.js";
import { git, gitFailure, gitText } from "./git.js";

/** In this order; the first that is there is the default branch. */
const DEFAULT_BRANCHES = ["origin/HEAD", "origin/main", "origin/master", "main", "master"] as const;

/**
 * The commit that a branch, tag, sha or expression such as `HEAD~2` names.
 * @returns its sha: 40 hex digits (64 in a sha256 repository)
 * @throws {GituneError} `git.unknown-ref`, exit code 2
 */
export async function resolveRef(root: string, ref: string): Promise<string> {
  const sha = await tryRef(root, ref);
  if (sha !== null) return sha;
  throw new GituneError({
    code: "git.unknown-ref",
    severity: "error",
    message: `git knows no commit named ${JSON.stringify(ref)}`,
    found: ref,
    fix: "git fetch origin (in CI: fetch-depth: 0 at the checkout)",
  });
}

/** As `resolveRef`, but null where git does not know the name. */
export async function tryRef(root: string, ref: string): Promise<string | null> {
  // A name must never read as an option; a NUL would not even reach git.
  if (ref === "" || ref.startsWith("-") || /[\0\n]/.test(ref)) return null;
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
  const { code, stdout, stderr } = await git(root, args);
  if (code === 0) return stdout.trim();
  if (/not a git repository|dubious ownership/.test(stderr)) throw gitFailure(root, args, stderr);
  return null;
}

/** A tag, with the commit that it leads to, however it was made. */
export interface GitTag {
  readonly name: string;
  readonly commit: string;
}

/** The tags that lead to a commit, in no order that means anything. */
export async function listTags(root: string): Promise<readonly GitTag[]> {
  // An annotated tag is an object of its own: `*` looks through it.
  const format = "%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)";
  const text = await gitText(root, ["for-each-ref", `--format=${format}`, "refs/tags"]);
  return text.split("\n").flatMap((line): readonly GitTag[] => {
    const [name = "", type, sha = "", innerType, innerSha = ""] = line.split("\0");
    if (type === "commit") return [{ name, commit: sha }];
    return innerType === "commit" ? [{ name, commit: innerSha }] : [];
  });
}

/**
 * The commit that a change started from: the merge-base of HEAD and the default branch. On the default branch itself
 * that is HEAD, so the change is what is not committed yet.
 * @param ref in place of the default branch
 * @param headRef in place of HEAD
 * @throws {GituneError} `git.no-merge-base` or `git.unknown-ref`, exit code 2
 */
export async function mergeBase(root: string, ref?: string, headRef = "HEAD"): Promise<string> {
  const head = headRef === "HEAD" ? await tryRef(root, headRef) : await resolveRef(root, headRef);
  if (head === null) {
    throw noBase("the repository has no commit yet", "commit what you have: the change is compared with it");
  }
  const other = ref === undefined ? await defaultBranch(root) : await resolveRef(root, ref);
  // A clone without any default branch is its own base: what is compared is what is not committed.
  if (other === null) return head;
  const { code, stdout } = await git(root, ["merge-base", other, head]);
  const base = stdout.trim().split("\n")[0] ?? "";
  if (code === 0 && base !== "") return base;
  throw noBase(
    `${headRef} and ${ref ?? "the default branch"} have no common ancestor in this clone`,
    "fetch the whole history: git fetch --unshallow (in CI: fetch-depth: 0 at the checkout)",
  );
}

/** The commit of the default branch; null in a clone without any. */
export async function defaultBranch(root: string): Promise<string | null> {
  for (const name of DEFAULT_BRANCHES) {
    const sha = await tryRef(root, name);
    if (sha !== null) return sha;
  }
  return null;
}

function noBase(message: string, fix: string): GituneError {
  return new GituneError({ code: "git.no-merge-base", severity: "error", message, fix });
}

/** Whether everything of one commit is in another; a commit is its own ancestor. */
export async function isAncestor(root: string, ancestor: string, commit: string): Promise<boolean> {
  const args = ["merge-base", "--is-ancestor", ancestor, commit];
  const { code, stderr } = await git(root, args);
  if (code > 1) throw gitFailure(root, args, stderr);
  return code === 0;
}
