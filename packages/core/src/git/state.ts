/** A state of the repository as a folder: a commit's files written out of git's objects, or the working tree itself. */
import { constants, createWriteStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { writeError } from "../io/errno.js";
import { nativePath } from "../io/paths.js";
import { GituneError } from "../issue.js";
import { type GitObject, gitText, readObjects } from "./git.js";
import { lfsContent, MAX_POINTER_BYTES } from "./lfs.js";
import { resolveRef } from "./refs.js";

/** The name of the state that is not committed: the files as they are. */
export const WORKTREE = "worktree";

/** A file of a git tree: its path from the root, and its blob's id. */
export interface TreeFile {
  readonly path: string;
  readonly sha: string;
}

/**
 * The regular files of a commit below some paths. Symlinks and submodules are left out.
 * @param paths repo-relative, forward slashes; one that the commit lacks lists nothing
 */
export async function listTree(root: string, commit: string, paths: readonly string[]): Promise<TreeFile[]> {
  if (paths.length === 0) return [];
  // --full-tree: the root may be a folder's folder; --literal-pathspecs: a star in a name is a star.
  const args = ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit, "--", ...paths];
  const files: TreeFile[] = [];
  for (const entry of (await gitText(root, args)).split("\0")) {
    const match = /^(\d+) (\w+) ([0-9a-f]+)\t(.+)$/s.exec(entry);
    if (!match) continue;
    const [, mode = "", type, sha = "", path = ""] = match;
    if (type === "blob" && mode.startsWith("100")) files.push({ path, sha });
  }
  return files;
}

export interface OpenState {
  /** A folder with the asked paths at their places. */
  readonly root: string;
  readonly sha: string | "worktree";
  /** Removes the folder, unless it is the working tree. */
  dispose(): Promise<void>;
}

/**
 * Opens a state of the repository for reading. Of what Git LFS keeps, a commit's state has the content where that was
 * fetched, and else the pointer.
 * @param ref a commit's name, or `worktree`
 * @param paths files and folders that are needed, repo-relative; an empty list opens nothing
 * @throws {GituneError} `git.unknown-ref`, `git.path`; `disk.full` (exit code 3)
 */
export async function openState(root: string, ref: string, paths: readonly string[]): Promise<OpenState> {
  if (ref === WORKTREE) return { root, sha: WORKTREE, dispose: async () => undefined };
  for (const path of paths) refuseUnsafe(path);
  const sha = await resolveRef(root, ref);
  return openFiles(root, sha, await listTree(root, sha, paths));
}

/**
 * As `openState`, for whoever has listed the commit already: one process of git, where that takes three.
 * @param sha the commit's, in full
 * @param files some of those that `listTree` found in it
 */
export async function openFiles(root: string, sha: string, files: readonly TreeFile[]): Promise<OpenState> {
  for (const { path } of files) refuseUnsafe(path);
  refuseClashes(files);

  const folder = await mkdtemp(join(tmpdir(), "gitune-state-"));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    let index = 0;
    for await (const object of readObjects(
      root,
      files.map((file) => file.sha),
    )) {
      const { path } = files[index] as TreeFile;
      index += 1;
      const target = nativePath(folder, path);
      await mkdir(dirname(target), { recursive: true });
      await writeObject(root, object, target);
    }
    return { root: folder, sha, dispose };
  } catch (cause) {
    await dispose();
    throw writeError(folder, cause);
  }
}

/** Nothing that is there already is ever written through. */
async function writeObject(root: string, { sizeBytes, bytes }: GitObject, target: string): Promise<void> {
  if (sizeBytes >= MAX_POINTER_BYTES) return pipeline(bytes, createWriteStream(target, { flags: "wx" }));
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  const blob = Buffer.concat(parts);
  const content = await lfsContent(root, blob);
  if (content === null) await writeFile(target, blob, { flag: "wx" });
  else await copyFile(content, target, constants.COPYFILE_EXCL);
}

/** git itself lets no such path in; a crafted object could. */
function refuseUnsafe(path: string): void {
  const parts = path.split("/");
  const isUnsafe =
    path === "" ||
    path.startsWith("/") ||
    /[\0\\]/.test(path) ||
    /^[A-Za-z]:/.test(path) ||
    parts.some((part) => part === "" || part === "." || part === ".." || part.toLowerCase() === ".git");
  if (!isUnsafe) return;
  const message = `the path ${JSON.stringify(path)} cannot be written safely`;
  throw new GituneError({ code: "git.path", severity: "error", message });
}

/** A tree made by hand may hold one path twice, or a file where a folder is. */
function refuseClashes(files: readonly TreeFile[]): void {
  const paths = new Set(files.map(({ path }) => path));
  if (paths.size !== files.length) {
    throw new GituneError({ code: "git.path", severity: "error", message: "a commit holds one path twice" });
  }
}
