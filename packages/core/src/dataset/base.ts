/** The base of a project, as a place. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Project } from "../config/config.js";
import { isReallyInside, joinInside, nativePath } from "../io/paths.js";
import type { Issue } from "../issue.js";

/**
 * Where a local base lies.
 * @returns its path relative to the repository's root (for `openState`, too); null where it comes from the Hub
 */
export function localBase({ config, dir }: Pick<Project, "config" | "dir">): string | null {
  const { base, revision } = config.train;
  if (revision !== null) return null;
  return joinInside(base.startsWith(".") ? dir : "", base);
}

/**
 * Whether a base, and each file of its folder, is of this repository. A link among them could make a file of the machine a
 * template, whose text comes out in what is trained and published, or a device that never ends a tokenizer.
 * @param path absolute
 */
export async function isBaseInside(root: string, path: string): Promise<boolean> {
  if (!(await isReallyInside(root, path))) return false;
  if (!(await stat(path)).isDirectory()) return true;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) continue;
    if (!(await isReallyInside(root, join(path, entry.name)))) return false;
  }
  return true;
}

/** Whether a local base is there. Whether it can be used, the engine knows. */
export async function checkBase(project: Project): Promise<Issue[]> {
  const path = localBase(project);
  if (path === null || (await isBaseInside(project.root, nativePath(project.root, path)))) return [];
  const { base } = project.config.train;
  const isHubName = /^[\w.-]{1,96}\/[\w.-]{1,96}$/.test(base) && !base.startsWith(".") && !base.endsWith(".gguf");
  return [
    {
      code: "config.base",
      severity: "error",
      project: project.config.name,
      file: project.configFile,
      pointer: "/train/base",
      message: `the base ${JSON.stringify(base)}, or a file of its folder, is not in this repository`,
      found: base,
      fix: isHubName
        ? "a base from the Hub needs its commit: revision: <40 hex digits>"
        : `put the base's folder or .gguf file at ${path}, or name one from the Hub with its revision`,
    },
  ];
}
