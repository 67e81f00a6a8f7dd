/** Writes what was proposed, never over a file that is there. */
import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GituneError, isReallyInside, writeFileAtomic } from "@gitune/core";
import { CODEOWNERS, exists, type NewFile } from "./propose.js";

/** A file that stays as it is, and why. */
export interface Kept {
  readonly path: string;
  readonly reason: string;
}

/** Which of the files would be written, and which stay. */
export async function sortFiles(
  root: string,
  files: readonly NewFile[],
): Promise<{ readonly free: readonly NewFile[]; readonly kept: readonly Kept[] }> {
  const free: NewFile[] = [];
  const kept: Kept[] = [];
  for (const file of files) {
    const reason = await whyKept(root, file.path);
    if (reason === null) free.push(file);
    else kept.push({ path: file.path, reason });
  }
  return { free, kept };
}

async function whyKept(root: string, path: string): Promise<string | null> {
  if (await exists(root, path)) return "is there already";
  if (path === CODEOWNERS[0]) {
    for (const other of CODEOWNERS) if (await exists(root, other)) return `${other} is there already`;
  }
  return null;
}

/** Writes files that `sortFiles` found free. @throws {GituneError} where a folder on the way is a link out of the repository, or the disk fails */
export async function writeFiles(root: string, files: readonly NewFile[]): Promise<void> {
  for (const { path } of files) await refuseLinkedFolder(root, path);
  for (const { path, content } of files) {
    if (!(await exists(root, path))) await writeFileAtomic(join(root, ...path.split("/")), content());
  }
}

async function refuseLinkedFolder(root: string, path: string): Promise<void> {
  let folder = dirname(join(root, ...path.split("/")));
  while (folder !== root && !(await lstat(folder).catch(() => null))) folder = dirname(folder);
  if (await isReallyInside(root, folder)) return;
  throw new GituneError({
    code: "data.outside",
    severity: "error",
    file: path,
    message: `${path} would be written through a symbolic link that leads out of the repository`,
    fix: "remove the link",
  });
}
