/** Whether the base that a release names on the Hub has the weights that it was trained on here. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { GituneError, hashFile, type Issue, localBase, type Project } from "@gitune/core";
import type { HubRepository } from "./hub-repository.js";

/**
 * @param project in the state that was trained: its local base is below its root
 * @param hub asked with its own token
 * @returns a warning where the weights cannot be compared; nothing for a base that came from the Hub by its commit
 * @throws {GituneError} `publish.base` (exit code 2) where they differ
 */
export async function checkBase(
  project: Project,
  published: { readonly id: string; readonly revision: string },
  hub: HubRepository,
): Promise<readonly Issue[]> {
  const path = localBase(project);
  if (path === null) return [];
  const about = { code: "publish.base", project: project.config.name, file: project.configFile } as const;
  const there = await filesOf(published, hub);
  if (there === null) {
    const message = `${published.id} at ${published.revision.slice(0, 8)} cannot be read, so its weights were not compared`;
    return [{ ...about, severity: "warning", pointer: "/publish/base", message, found: published.id }];
  }
  const names = await weightFiles(join(project.root, path));
  const issues: Issue[] = [];
  for (const name of names) {
    const sha256 = there.get(basename(name));
    if (sha256 === undefined) {
      const message = `${published.id} has no ${basename(name)}, so its weights were not compared`;
      issues.push({ ...about, severity: "warning", pointer: "/publish/base", message });
      continue;
    }
    const own = await hashFile(name);
    if (own === sha256) continue;
    throw new GituneError({
      ...about,
      severity: "error",
      pointer: "/publish/base",
      message: `${basename(name)} of ${published.id} is not what the adapter was trained on`,
      expected: own,
      found: sha256,
      fix: "name the commit of the base that is here: publish.revision",
    });
  }
  return issues;
}

/** @returns file -> sha256, of those that LFS keeps; null where the repository cannot be read */
async function filesOf(
  { id, revision }: { readonly id: string; readonly revision: string },
  hub: HubRepository,
): Promise<ReadonlyMap<string, string> | null> {
  try {
    const files = await hub.listFiles(revision, id);
    return new Map(files.flatMap(({ path, sha256 }) => (sha256 === null ? [] : [[path, sha256]])));
  } catch (error) {
    if (error instanceof GituneError && error.issues[0]?.code === "hub.refused") return null;
    throw error;
  }
}

/** A GGUF file itself, or the safetensors files of a folder. */
async function weightFiles(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isFile()) return [path];
  return (await readdir(path)).filter((name) => name.endsWith(".safetensors")).map((name) => join(path, name));
}
