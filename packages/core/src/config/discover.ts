/** The projects of a repository: every `gitune.yaml` below `datasets/`. */
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isReallyInside, nativePath } from "../io/paths.js";
import { GituneError, type Issue } from "../issue.js";
import { didYouMean } from "../nearest.js";
import type { Project } from "./config.js";
import { readConfig } from "./read.js";

/** Projects are found below this folder of a repository. */
export const PROJECTS_FOLDER = "datasets";
/** The file that makes a folder a project. */
export const CONFIG_FILE = "gitune.yaml";
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(["node_modules", "dist", "__pycache__"]);
const MAX_FOLDER_DEPTH = 32;

/**
 * The repository that a folder belongs to: the nearest folder upwards with `.git`, else the nearest with `datasets/`.
 * @throws {GituneError} `repo.not-found` where there is none
 */
export function findRepoRoot(cwd: string): string {
  const folders: string[] = [];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    folders.push(folder);
    if (dirname(folder) === folder) break;
  }
  const root =
    folders.find((folder) => existsSync(join(folder, ".git"))) ??
    folders.find((folder) => statSync(join(folder, PROJECTS_FOLDER), { throwIfNoEntry: false })?.isDirectory());
  if (root !== undefined) return root;
  throw new GituneError({
    code: "repo.not-found",
    severity: "error",
    message: `${resolve(cwd)} is in no git repository, and no folder above it has ${PROJECTS_FOLDER}/`,
    fix: "run gitune inside a repository, or make one: git init && gitune init",
  });
}

/**
 * Reads the projects of a repository.
 * @param names only these, in this order; all by default
 * @returns valid projects sorted by name (or as asked), and what is wrong with the others
 * @throws {GituneError} `project.unknown` where an asked name is neither a project's nor that of a broken one
 */
export async function discoverProjects(
  root: string,
  names: readonly string[] = [],
): Promise<{ projects: Project[]; issues: Issue[] }> {
  const absolute = resolve(root);
  const issues: Issue[] = [];
  const projects: Project[] = [];
  /** Folders whose config cannot be used; asked by folder name, they are broken, not unknown. */
  const broken = new Map<string, Issue[]>();
  for (const configFile of await findConfigs(absolute)) {
    const dir = configFile.slice(0, -CONFIG_FILE.length - 1);
    const { config, issues: found } = await readConfig(absolute, configFile);
    if (config) projects.push({ config, root: absolute, dir, configFile });
    else broken.set(dir, [...found]);
    issues.push(...found);
  }
  projects.sort((a, b) => (a.config.name < b.config.name ? -1 : a.config.name > b.config.name ? 1 : 0));
  for (const project of projects) {
    const first = projects.find(({ config }) => config.name === project.config.name);
    if (!first || first === project) continue;
    issues.push({
      code: "config.duplicate-name",
      severity: "error",
      project: project.config.name,
      file: project.configFile,
      pointer: "/name",
      message: `the name ${JSON.stringify(project.config.name)} is taken by ${first.configFile}`,
      fix: "names are tags (name@version): give each project its own",
    });
  }
  return names.length === 0 ? { projects, issues } : select(names, projects, issues, broken);
}

function select(
  names: readonly string[],
  projects: readonly Project[],
  issues: readonly Issue[],
  broken: ReadonlyMap<string, readonly Issue[]>,
): { projects: Project[]; issues: Issue[] } {
  const picked: Project[] = [];
  const about = new Set<Issue>();
  for (const name of new Set(names)) {
    const matching = projects.filter(({ config }) => config.name === name);
    picked.push(...matching);
    for (const issue of issues) if (issue.project === name) about.add(issue);
    if (matching.length > 0) continue;
    const folders = [...broken].filter(([dir]) => dir.split("/").at(-1) === name);
    for (const issue of folders.flatMap(([, found]) => found)) about.add(issue);
    if (folders.length > 0 || about.size > 0) continue;
    // A config too broken to have a name may be the one that is meant.
    const nameless = [...broken.values()].flat();
    const known = projects.map(({ config }) => config.name);
    const near = didYouMean(name, known);
    throw new GituneError([
      {
        code: "project.unknown",
        severity: "error",
        message: `there is no project named ${JSON.stringify(name)}`,
        expected:
          known.length > 0 ? `one of ${known.slice(0, 50).join(", ")}` : `a ${CONFIG_FILE} below ${PROJECTS_FOLDER}/`,
        found: name,
        ...(near === undefined ? {} : { fix: near }),
      },
      ...nameless,
    ]);
  }
  return { projects: picked, issues: [...about] };
}

/** Config files below `datasets/`, sorted. Symlinked folders are not entered, symlinked configs must stay inside. */
async function findConfigs(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (dir: string, depth: number): Promise<void> => {
    const entries = await readdir(nativePath(root, dir), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < MAX_FOLDER_DEPTH && !entry.name.startsWith(".") && !SKIPPED_FOLDERS.has(entry.name))
          await walk(path, depth + 1);
      } else if (
        entry.name === CONFIG_FILE &&
        (entry.isFile() || (await isReallyInside(root, nativePath(root, path))))
      ) {
        found.push(path);
      }
    }
  };
  await walk(PROJECTS_FOLDER, 0);
  return found;
}
