/** The files of a project's splits. */
import { existsSync } from "node:fs";
import type { Project } from "../config/config.js";
import { listGlob } from "../io/glob.js";
import { isReallyInside, nativePath } from "../io/paths.js";
import { GituneError, type Issue } from "../issue.js";
import { didYouMean } from "../nearest.js";

export interface SplitFiles {
  /** Relative to the repository's root, sorted, each once. */
  readonly files: readonly string[];
  readonly issues: readonly Issue[];
}

/**
 * Lists a split's files.
 * @throws {GituneError} `data.unknown-split`
 */
export async function listSplit(project: Project, split: string): Promise<SplitFiles> {
  const { config, root, dir, configFile } = project;
  const globs = Object.hasOwn(config.data.splits, split) ? config.data.splits[split] : undefined;
  if (!globs) {
    const known = Object.keys(config.data.splits);
    const near = didYouMean(split, known);
    throw new GituneError({
      code: "data.unknown-split",
      severity: "error",
      project: config.name,
      file: configFile,
      pointer: "/data/splits",
      message: `project ${config.name} has no split ${JSON.stringify(split)}`,
      expected: `one of ${known.join(", ")}`,
      found: split,
      ...(near === undefined ? {} : { fix: near }),
    });
  }
  const files = new Set<string>();
  const issues: Issue[] = [];
  for (const glob of globs) {
    const found = await listGlob(nativePath(root, dir), glob);
    if (found.length === 0) {
      issues.push({
        code: "data.no-files",
        severity: "error",
        project: config.name,
        file: configFile,
        pointer: `/data/splits/${split}`,
        message: `no file matches ${JSON.stringify(glob)} of split ${split}`,
        fix: `paths are relative to ${dir}/`,
      });
    }
    for (const name of found) {
      const file = `${dir}/${name}`;
      if (await isReallyInside(root, nativePath(root, file))) files.add(file);
      else issues.push(outside(file, config.name));
    }
  }
  return { files: [...files].sort(), issues };
}

/** Whether a file is there, and a symlink on its way leads out of the repository. What is not there, its reader says. */
export async function leadsOutside(root: string, file: string): Promise<boolean> {
  const path = nativePath(root, file);
  return existsSync(path) && !(await isReallyInside(root, path));
}

/** A path that a symlink leads out of the repository. */
export function outside(file: string, project: string): Issue {
  const message = `${file} leads out of the repository, or to nothing`;
  return {
    code: "data.outside",
    severity: "error",
    project,
    file,
    message,
    fix: "put the file itself into the repository",
  };
}
