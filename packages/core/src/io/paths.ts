/** Paths that users write: forward slashes, relative, and never out of the folder that they belong to. */
import { realpath } from "node:fs/promises";
import { isAbsolute, join, posix, relative, sep } from "node:path";

/** Why a written path cannot be used, as the end of the sentence "the path …"; null where it can. */
export function pathProblem(path: string): string | null {
  if (path.includes("\0")) return "has a NUL character in it";
  if (path.includes("\\")) return "has a backslash: use forward slashes";
  if (posix.isAbsolute(path) || /^[A-Za-z]:/.test(path))
    return "is absolute: write it relative to the project's folder";
  return null;
}

/** git's own folder holds tokens and hooks, and is no content of a repository: whoever has a path into it wants those. */
const isGits = (part: string): boolean => part.toLowerCase() === ".git";

/** Joins a written path to a folder of the repository. @returns repo-relative, or null where it leaves the repository */
export function joinInside(dir: string, path: string): string | null {
  const joined = posix.normalize(posix.join(dir, path));
  if (joined === ".." || joined.startsWith("../") || posix.isAbsolute(joined)) return null;
  if (joined.split("/").some(isGits)) return null;
  return joined.endsWith("/") ? joined.slice(0, -1) : joined;
}

/** Whether an existing path, with all symlinks followed, is still below the root, and not git's. False where it does not exist. */
export async function isReallyInside(root: string, path: string): Promise<boolean> {
  try {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(path)]);
    const way = relative(realRoot, real);
    return (
      way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) || way.split(sep).some(isGits))
    );
  } catch {
    return false;
  }
}

/** A native path below `root` as issues name it: relative, forward slashes. */
export function repoPath(root: string, path: string): string {
  return relative(root, path).split(sep).join("/");
}

/** A repo-relative path as the machine names it. */
export function nativePath(root: string, path: string): string {
  return join(root, ...path.split("/"));
}
