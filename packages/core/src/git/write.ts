/** Commits and branches made of git's objects: no checkout, no index of the user's, no hook. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GituneError } from "../issue.js";
import { git, gitFailure, gitText, readObjects } from "./git.js";
import { listTree } from "./state.js";

/** Who commits, where the environment does not say it (`GIT_AUTHOR_NAME` …). Never the user's name: no person wrote it. */
const IDENTITY = { name: "gitune", email: "gitune@users.noreply.github.com" };

/** What a commit changes, and where it stands. */
export interface CommitFiles {
  /** Commit or tree that it starts from. */
  readonly tree: string;
  /** Commits; the first is what the branch was. */
  readonly parents: readonly string[];
  readonly message: string;
  /** Path from the root -> whole content. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Writes a commit. Nothing points to it yet.
 * @returns its sha
 */
export async function commitFiles(root: string, { tree, parents, message, files }: CommitFiles): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gitune-index-"));
  const env = { GIT_INDEX_FILE: join(folder, "index") };
  try {
    await gitText(root, ["read-tree", `${tree}^{tree}`], { env });
    const entries: string[] = [];
    for (const [path, content] of files) {
      const sha = (await gitText(root, ["hash-object", "-w", "--stdin"], { input: content })).trim();
      entries.push(`100644 ${sha}\t${path}`);
    }
    await gitText(root, ["update-index", "-z", "--index-info"], { env, input: entries.map((e) => `${e}\0`).join("") });
    const made = (await gitText(root, ["write-tree"], { env })).trim();
    const from = parents.flatMap((parent) => ["-p", parent]);
    // A key that signs would ask a person for a passphrase.
    const args = ["commit-tree", "--no-gpg-sign", made, ...from, "-F", "-"];
    return (await gitText(root, args, { env: identity(), input: message })).trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function identity() {
  const given = (name: string, fallback: string) => process.env[name] || fallback;
  return {
    GIT_AUTHOR_NAME: given("GIT_AUTHOR_NAME", IDENTITY.name),
    GIT_AUTHOR_EMAIL: given("GIT_AUTHOR_EMAIL", IDENTITY.email),
    GIT_COMMITTER_NAME: given("GIT_COMMITTER_NAME", IDENTITY.name),
    GIT_COMMITTER_EMAIL: given("GIT_COMMITTER_EMAIL", IDENTITY.email),
  };
}

/**
 * Merges two commits' trees. Where both sides added lines to one JSONL file, both sides' lines stay.
 * @returns the tree's sha; null where they conflict
 */
export async function mergeTrees(root: string, ours: string, theirs: string): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "gitune-merge-"));
  try {
    const attributes = join(folder, "attributes");
    await writeFile(attributes, "*.jsonl merge=union\n");
    const args = ["-c", `core.attributesFile=${attributes}`, "merge-tree", "--write-tree", ours, theirs];
    const { code, stdout, stderr } = await git(root, args);
    if (code === 0) return stdout.trim();
    if (code === 1) return null;
    if (code === 129) throw tooOld();
    throw gitFailure(root, ["merge-tree"], stderr);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tooOld(): GituneError {
  const message = "this git cannot merge without a checkout";
  return new GituneError(
    { code: "git.failed", severity: "error", message, fix: "install git 2.38 or newer" },
    { exitCode: 3 },
  );
}

/** The sha of a commit's tree: the same for the same files. */
export async function treeOf(root: string, commit: string): Promise<string> {
  return (await gitText(root, ["rev-parse", "--verify", `${commit}^{tree}`])).trim();
}

/** A file's text in a commit or tree; null where it is not there. */
export async function readFileAt(root: string, commit: string, path: string): Promise<string | null> {
  const file = (await listTree(root, commit, [path])).find((one) => one.path === path);
  if (!file) return null;
  for await (const { bytes } of readObjects(root, [file.sha])) {
    const chunks: Uint8Array[] = [];
    // The reader reuses nothing, but a chunk is a view of a larger one.
    for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk));
    return Buffer.concat(chunks).toString("utf8");
  }
  return null;
}

/**
 * Moves a branch from one commit to another, or makes it.
 * @param before what it must be now; null where it must not be there
 * @returns false where somebody moved it meanwhile
 */
export async function updateBranch(
  root: string,
  branch: string,
  commit: string,
  before: string | null,
): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  // 40 zeros: the branch must not exist. A reflog says who moved it.
  const args = ["update-ref", "-m", "gitune refresh", "--create-reflog", ref, commit, before ?? "0".repeat(40)];
  const { code, stderr } = await git(root, args);
  if (code === 0) return true;
  if (/cannot lock ref|is at|unable to resolve|reference already exists/.test(stderr)) return false;
  throw gitFailure(root, args, stderr);
}

/** A branch's commits that the base does not have, newest first. `isOurs`: gitune wrote it, no person. */
export async function commitsSince(
  root: string,
  base: string,
  branch: string,
): Promise<readonly { readonly sha: string; readonly isOurs: boolean }[]> {
  const log = await gitText(root, ["log", "--format=%H %ae", `${base}..${branch}`, "--"]);
  const ours = identity().GIT_AUTHOR_EMAIL;
  return log.split("\n").flatMap((line) => {
    const [sha = "", email] = line.split(" ");
    return sha === "" ? [] : [{ sha, isOurs: email === ours }];
  });
}

/** More nights than anybody remembers. */
const MAX_COMMITS = 500;

/**
 * Lines that commits of gitune's own added to some files, wherever those lines are now.
 * @param commits where to look back from
 */
export async function linesAddedByGitune(
  root: string,
  commits: readonly string[],
  files: readonly string[],
): Promise<readonly string[]> {
  const by = ["--fixed-strings", `--author=<${identity().GIT_AUTHOR_EMAIL}>`, `--max-count=${MAX_COMMITS}`];
  const how = ["--no-color", "--no-ext-diff", "--no-textconv", "--text", "--unified=0", "--format=", "--patch"];
  const args = ["--literal-pathspecs", "log", ...by, ...how, ...commits, "--", ...files];
  const lines = (await gitText(root, args)).split("\n");
  return lines.flatMap((line) => (line.startsWith("+") && !line.startsWith("+++ ") ? [line.slice(1)] : []));
}

/** The worktree that has a branch checked out; null where none has. */
export async function branchHolder(root: string, branch: string): Promise<string | null> {
  const args = ["for-each-ref", "--format=%(worktreepath)", `refs/heads/${branch}`];
  return (await gitText(root, args)).trim() || null;
}
