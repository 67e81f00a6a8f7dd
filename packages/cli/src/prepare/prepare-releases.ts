/**
 * The next version of every project that changed since its last release, with its changelog, on a branch to be merged.
 * What is released is decided by tags, so all of it follows from git and is made anew each time.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import {
  commitFiles,
  commitsSince,
  diffProjects,
  GituneError,
  isAncestor,
  listTags,
  listTree,
  type Project,
  readConfig,
  readFileAt,
  treeOf,
  tryRef,
  updateBranch,
} from "@gitune/core";
import { isModelChanged, openBaseState } from "../pipeline/open-states.js";
import { type GitRelease, releasesOf } from "../publish/release-tag.js";
import { compareVersions } from "../publish/versions.js";
import { CHANGELOG_FILE, withEntry, withVersion } from "./edit-files.js";
import { type ChangeKind, nextVersion, projectChange } from "./project-change.js";

export const RELEASE_BRANCH = "gitune/release";

export interface PreparedVersion {
  readonly project: string;
  readonly from: string;
  readonly to: string;
  readonly kind: ChangeKind;
  readonly lines: readonly string[];
}

/**
 * - `unchanged`: no project changed since its release, or its config has the new version already
 * - `pending`: the branch has just this
 * - `prepared`: the branch has a new commit
 * - `held`: the branch has commits of people, which stay
 */
export interface PreparedReleases {
  readonly status: "unchanged" | "pending" | "prepared" | "held";
  readonly branch: string;
  readonly commit: string | null;
  readonly versions: readonly PreparedVersion[];
}

/** What a change does to the scores, a line each for the changelog. */
export type EvalDiff = (project: string, released: GitRelease, base: string) => Promise<readonly string[]>;

/**
 * @param base commit that the branch is to be merged into
 * @param evalDiff left out, the changelogs say nothing of scores
 */
export async function prepareReleases(
  root: string,
  base: string,
  names: readonly string[],
  evalDiff: EvalDiff = async () => [],
): Promise<PreparedReleases> {
  const { state, projects, issues } = await openBaseState(root, base);
  await state.dispose();
  const errors = issues.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new GituneError(errors);
  const chosen = projects.filter(({ config }) => names.length === 0 || names.includes(config.name));
  const versions: PreparedVersion[] = [];
  const files = new Map<string, string>();
  for (const project of chosen) {
    const version = await prepareProject(root, base, project, evalDiff);
    if (!version) continue;
    versions.push(version);
    for (const [path, text] of await editedFiles(root, base, project, version)) files.set(path, text);
  }
  return { ...(await moveBranch(root, base, versions, files)), branch: RELEASE_BRANCH, versions };
}

/** @returns null for a project that was never released, that did not change, or whose version says so already */
async function prepareProject(
  root: string,
  base: string,
  project: Project,
  evalDiff: EvalDiff,
): Promise<PreparedVersion | null> {
  const { name, version } = project.config;
  const release = releasesOf(name, await listTags(root)).at(-1);
  if (!release || !(await isAncestor(root, release.commit, base))) return null;
  const released = await openBaseState(root, release.commit);
  const before = released.projects.find(({ config }) => config.name === name);
  await released.state.dispose();
  if (!before) return null;
  const { projects } = await diffProjects({ root, base: release.commit, head: base, names: [name] });
  const change = projectChange({
    before,
    after: project,
    diff: projects[0] ?? null,
    isModelChanged: await isModelChanged(root, before, release.commit, base),
    isCardChanged: (await cardFiles(root, release.commit, before)) !== (await cardFiles(root, base, project)),
  });
  if (!change) return null;
  const to = nextVersion(release.version, change.kind);
  if (compareVersions(version, to) >= 0) return null;
  const lines = [...change.lines, ...(await evalDiff(name, release, base))];
  return { project: name, from: release.version, to, kind: change.kind, lines };
}

/** What the card is made of beside the config: its text, and the suites that its table is of. */
async function cardFiles(root: string, commit: string, { dir, config }: Project): Promise<string> {
  const paths = [posix.join(dir, "README.md"), ...config.evals.map(({ data }) => posix.join(dir, data))];
  return JSON.stringify(await listTree(root, commit, paths));
}

async function editedFiles(
  root: string,
  base: string,
  { dir, configFile, config }: Project,
  { to, lines }: PreparedVersion,
): Promise<ReadonlyMap<string, string>> {
  const yaml = withVersion((await readFileAt(root, base, configFile)) ?? "", to);
  if (yaml === null || !(await says(yaml, configFile, config, to))) {
    const message = "the version of this config cannot be set: it is no line of its own";
    throw new GituneError({
      code: "config.unsupported",
      severity: "error",
      project: config.name,
      file: configFile,
      pointer: "/version",
      message,
      fix: `write version: ${to} by hand`,
    });
  }
  const changelog = posix.join(dir, CHANGELOG_FILE);
  return new Map([
    [configFile, yaml],
    [changelog, withEntry(await readFileAt(root, base, changelog), to, lines)],
  ]);
}

/** Whether the edited config is the one that was there, but for its version. */
async function says(yaml: string, file: string, before: Project["config"], version: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "gitune-version-"));
  try {
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await writeFile(join(folder, file), yaml);
    const { config } = await readConfig(folder, file);
    return JSON.stringify(config) === JSON.stringify({ ...before, version });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function moveBranch(
  root: string,
  base: string,
  versions: readonly PreparedVersion[],
  files: ReadonlyMap<string, string>,
): Promise<Pick<PreparedReleases, "status" | "commit">> {
  const local = await tryRef(root, `refs/heads/${RELEASE_BRANCH}`);
  const tip = (await tryRef(root, `refs/remotes/origin/${RELEASE_BRANCH}`)) ?? local;
  if (versions.length === 0) return { status: "unchanged", commit: null };
  if (tip !== null && (await commitsSince(root, base, tip)).some(({ isOurs }) => !isOurs))
    return { status: "held", commit: tip };
  const isMerged = tip !== null && (await isAncestor(root, tip, base));
  const parents = tip === null || isMerged ? [base] : (await isAncestor(root, base, tip)) ? [tip] : [tip, base];
  const list = versions.map(({ project, from, to }) => `- ${project}: ${from} -> ${to}`);
  const message = ["Release adapters", "", ...list, ""].join("\n");
  const commit = await commitFiles(root, { tree: base, parents, message, files });
  const isSame =
    parents.length === 1 && parents[0] === tip && (await treeOf(root, tip)) === (await treeOf(root, commit));
  if (isSame) return { status: "pending", commit: tip };
  if (await updateBranch(root, RELEASE_BRANCH, commit, local)) return { status: "prepared", commit };
  throw new GituneError(
    { code: "refresh.in-use", severity: "error", message: `another run moved the branch ${RELEASE_BRANCH}` },
    { exitCode: 3 },
  );
}
