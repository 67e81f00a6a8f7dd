/** The JSONL files that a repository has of its own: nothing ignored, installed, linked from elsewhere or endless. */
import { execFile } from "node:child_process";
import { lstat, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { isReallyInside } from "@gitune/core";

/** A file of a proposal that is not used, and why. */
export interface Skipped {
  readonly file: string;
  readonly reason: string;
}

export interface RowFiles {
  /** Relative to the root, forward slashes, sorted. */
  readonly files: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** A repository with more files of rows has one project's shards among them, and wants a config by hand. */
const MAX_FILES = 5_000;
/** Every file is read three times; above this a person should say what it is. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;
const MAX_TOTAL_BYTES = 2 * 1024 * 1024 * 1024;
const MAX_DEPTH = 16;
/** Names of half a million files. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const IS_ROWS = /\.(jsonl|ndjson)$/i;
const NOT_OURS: ReadonlySet<string> = new Set([
  "node_modules",
  ".git",
  ".gitune",
  "dist",
  "__pycache__",
  "venv",
  ".venv",
]);

/**
 * Finds files of rows below a folder.
 * @param root the repository's root, absolute   @param dir the folder to look in, absolute, in the root
 */
export async function findRowFiles(root: string, dir: string): Promise<RowFiles> {
  const listed = (await listByGit(root, dir)) ?? (await listByWalk(root, dir));
  const files: string[] = [];
  const skipped: Skipped[] = [];
  let total = 0;
  for (const file of [...new Set(listed)].sort()) {
    const folders = file.split("/").slice(0, -1);
    if (folders.some((name) => NOT_OURS.has(name))) continue;
    const reason = await unfit(root, file, folders.length);
    if (typeof reason === "string") {
      skipped.push({ file, reason });
    } else if (files.length >= MAX_FILES) {
      skipped.push({ file, reason: `there are more than ${MAX_FILES.toLocaleString("en")} files` });
    } else if (total + reason.sizeBytes > MAX_TOTAL_BYTES) {
      skipped.push({ file, reason: "the files before it have 2 GiB together" });
    } else {
      total += reason.sizeBytes;
      files.push(file);
    }
  }
  return { files, skipped };
}

async function unfit(root: string, file: string, depth: number): Promise<string | { readonly sizeBytes: number }> {
  const path = join(root, ...file.split("/"));
  const found = await lstat(path).catch(() => null);
  if (!found) return "it cannot be read";
  if (found.isSymbolicLink()) return "it is a symbolic link";
  if (!found.isFile()) return "it is no file";
  // A folder above it may be the link.
  if (!(await isReallyInside(root, path))) return "it leads out of the repository";
  if (found.size === 0) return "it is empty";
  if (found.size > MAX_FILE_BYTES) return "it is larger than 512 MiB";
  if (depth > MAX_DEPTH) return `it lies deeper than ${MAX_DEPTH} folders`;
  return { sizeBytes: found.size };
}

/** What git tracks or would track; null outside of a repository. */
function listByGit(root: string, dir: string): Promise<string[] | null> {
  const below = relative(root, dir).split(sep).join("/");
  const specs = ["*.jsonl", "*.ndjson"].map(
    (name) => `:(icase,glob)${below === "" ? "" : `${globEscape(below)}/`}**/${name}`,
  );
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...specs];
  return new Promise((resolve) => {
    execFile("git", args, { cwd: root, maxBuffer: MAX_LIST_BYTES, encoding: "utf8" }, (error, stdout) => {
      resolve(error ? null : stdout.split("\0").filter((name) => name !== ""));
    });
  });
}

function globEscape(path: string): string {
  return path.replace(/[\\*?[\]]/g, "\\$&");
}

async function listByWalk(root: string, dir: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (depth < MAX_DEPTH && !entry.name.startsWith(".") && !NOT_OURS.has(entry.name)) await walk(path, depth + 1);
      } else if (IS_ROWS.test(entry.name)) {
        found.push(relative(root, path).split(sep).join("/"));
      }
    }
  };
  await walk(dir, 0);
  return found;
}
