/** The two states of the repository that a change lies between, and their base models. */
import { posix } from "node:path";
import {
  discoverProjects,
  GituneError,
  type Issue,
  listTree,
  localBase,
  type OpenState,
  openState,
  PROJECTS_FOLDER,
  type Project,
  type TreeFile,
  WORKTREE,
} from "@gitune/core";
import type { Base } from "@gitune/train";
import type { HubBases, Want } from "../hub-base/hub-bases.js";
import { basePlace } from "../open-base.js";

export interface RepositoryState {
  readonly state: OpenState;
  readonly projects: readonly Project[];
  readonly issues: readonly Issue[];
}

/** Opens the head: all that its checks look at, base models included. */
export async function openHead(root: string, ref: string): Promise<RepositoryState> {
  return openWith(root, ref, (project) => [...outsidePaths(project), ...[localBase(project) ?? []].flat()]);
}

/** Opens the base: its projects, without their base models. */
export async function openBaseState(root: string, sha: string): Promise<RepositoryState> {
  return openWith(root, sha, outsidePaths);
}

/** Which other paths a state needs is in its configs, so a commit may have to be opened twice. */
async function openWith(
  root: string,
  ref: string,
  pathsOf: (project: Project) => readonly string[],
): Promise<RepositoryState> {
  const first = await openProjects(root, ref, []);
  const paths = [...new Set(first.projects.flatMap(pathsOf))];
  if (ref === WORKTREE || paths.length === 0) return first;
  await first.state.dispose();
  return openProjects(root, ref, paths);
}

/** What a project reads of the repository outside of the projects' folder, relative to the root. */
function outsidePaths({ config, dir }: Project): readonly string[] {
  const { schema, splits } = config.data;
  const written = [
    ...(schema === null ? [] : [schema]),
    ...config.evals.map(({ data }) => data),
    // The folder that a glob starts in.
    ...Object.values(splits).flatMap((globs) => globs.map((glob) => glob.replace(/[^/]*[*?[{].*$/, ""))),
  ];
  return written
    .map((path) => posix.join(dir, path).replace(/\/$/, ""))
    .filter((path) => path !== "." && path !== ".." && !path.startsWith("../") && !isBelow(path, PROJECTS_FOLDER));
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

async function openProjects(root: string, ref: string, paths: readonly string[]): Promise<RepositoryState> {
  const state = await openState(root, ref, [PROJECTS_FOLDER, ...paths]);
  try {
    return { state, ...(await discoverProjects(state.root)) };
  } catch (error) {
    await state.dispose();
    throw error;
  }
}

/**
 * Whether a local base model's committed files differ between two commits. A model that git does not hold (it was
 * downloaded) is the same for both.
 */
export async function isModelChanged(root: string, project: Project, base: string, head: string): Promise<boolean> {
  const path = localBase(project);
  if (path === null) return false;
  const [before, after] = [await listTree(root, base, [path]), await listTree(root, head, [path])];
  return before.length > 0 && fingerprint(before) !== fingerprint(after);
}

function fingerprint(files: readonly TreeFile[]): string {
  return files.map(({ path, sha }) => `${path}\0${sha}`).join("\n");
}

/**
 * Opens a project's base model: in a folder where that model is, or from the Hub.
 * @param root the repository's: unpacked weights are kept there, not in a commit's temporary folder
 */
export async function openBaseModel(
  project: Project,
  modelRoot: string,
  root: string,
  { bases, want }: { readonly bases: HubBases; readonly want: Want },
): Promise<Base> {
  const { openBase, weightsCache } = await import("@gitune/train/tokenizer");
  const place = await basePlace({ ...project, root: modelRoot }, bases, want);
  return openBase({ ...place, cacheDir: weightsCache(root) });
}

/** The base commit's own copy of a model, for a change that replaces it. */
export async function openModelState(root: string, sha: string, project: Project): Promise<OpenState> {
  const path = localBase(project);
  if (path === null || posix.normalize(path) === ".") {
    throw new GituneError({
      code: "config.base",
      severity: "error",
      message: "the base model is no folder of the repository",
    });
  }
  return openState(root, sha, [path]);
}
