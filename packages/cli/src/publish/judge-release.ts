/**
 * The gate's word on a release: the pull request's pipeline, on the commit of the tag, compared with the release before
 * it. What is in the store is neither trained nor evaluated again, so a release of what was gated already costs nothing.
 */
import { join } from "node:path";
import {
  type Device,
  diffProjects,
  discoverProjects,
  GituneError,
  InternalError,
  type Issue,
  type OnProgress,
  type Project,
  type Store,
} from "@gitune/core";
import { gateExitCode } from "@gitune/eval";
import type { Base } from "@gitune/train";
import type { HubBases } from "../hub-base/hub-bases.js";
import { openBaseModel, openBaseState, openHead, type RepositoryState } from "../pipeline/open-states.js";
import type { AdapterOutcome } from "../pipeline/result.js";
import { judgeOne, validateHead } from "../pipeline/run-pipeline.js";
import { WorkNeeded } from "../pipeline/work-needed.js";
import { type JudgedProject, writeReports } from "../pipeline/write-report.js";
import { type GitRelease, type ReleaseTag, tagError } from "./release-tag.js";

export interface JudgeReleaseOptions {
  /** Absolute path of the repository's root. */
  readonly root: string;
  /** Null judges a commit that has no tag yet, for a dry run. */
  readonly tag: ReleaseTag;
  readonly commit: string;
  /** The project's release before this one, by version; null for the first. */
  readonly previous: GitRelease | null;
  /** Where the report goes; replaced as a whole. */
  readonly reportFolder: string;
  readonly store: Store;
  readonly bases: HubBases;
  readonly device?: Device;
  readonly threads?: number;
  /** False takes what is in the store, and trains nothing; true by default. */
  readonly compute?: boolean;
  readonly onProgress?: OnProgress;
  /** As of the pipeline. */
  readonly onNote?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** A release that the gate lets through. */
export interface JudgedRelease {
  readonly project: Project;
  readonly judged: JudgedProject;
  readonly lock: NonNullable<JudgedProject["lock"]>;
  readonly adapter: AdapterOutcome;
  /** As it is here. */
  readonly base: Base;
  /** As others find it. */
  readonly publishedBase: { readonly id: string; readonly revision: string };
  /** The release that it was compared with; null where it was the bare base. */
  readonly comparedWith: string | null;
}

/**
 * Trains, evaluates and judges what a tag names, then hands it to `use`: the commit's files are there until that ends.
 * @throws {GituneError} exit code 1 `publish.gate` where a check or the gate says no, `publish.unjudged` where the
 *   store has no verdict and nothing may be computed; 2 for a tag or config that cannot be
 *   released; 3 when the machine fails
 */
export async function judgeRelease<T>(
  options: JudgeReleaseOptions,
  use: (release: JudgedRelease) => Promise<T>,
): Promise<T> {
  const head = await openHead(options.root, options.commit);
  try {
    const project = await findProject(head, options.tag);
    const before = options.previous && (await openBaseState(options.root, options.previous.commit));
    try {
      return await use(await judge(project, head, before, options));
    } finally {
      await before?.state.dispose();
    }
  } finally {
    await head.state.dispose();
  }
}

async function judge(
  project: Project,
  head: RepositoryState,
  before: RepositoryState | null,
  options: JudgeReleaseOptions,
): Promise<JudgedRelease> {
  const { root, commit, previous, reportFolder } = options;
  const pipeline = { ...options, projects: [project.config.name], head: commit, lintServing: false };
  const [validated] = await validateHead([project], head, pipeline);
  const issues = validated?.issues ?? [];
  const baseSha = previous?.commit ?? commit;
  const names = [project.config.name];
  const diff = await diffProjects({ root, base: baseSha, head: commit, names, ...pick(options) });
  const compare = async (state: RepositoryState | null) => {
    const earlier = state ?? { state: head.state, projects: [], issues: [] };
    try {
      return await judgeOne(project, issues, { head, before: earlier, diff, baseSha, commit }, pipeline);
    } catch (error) {
      throw error instanceof WorkNeeded ? unjudged(options.tag) : error;
    }
  };
  let judged = await compare(before);
  // A release that changes its card alone: there is nothing to compare but the bare base.
  const isSame = judged.outcome.status === "unchanged";
  if (isSame) judged = await compare(null);
  const refs = {
    base: { ref: previous?.name ?? "none", sha: baseSha },
    head: { ref: options.tag.name, sha: commit },
  };
  await writeReports(reportFolder, [judged], refs);
  const { adapters, comparison } = judged.outcome;
  if (adapters.head === null || judged.lock === null || comparison === null)
    throw refused(judged, issues, reportFolder);
  if (gateExitCode(comparison, project.config.gate) === 1) throw refused(judged, issues, reportFolder);
  const base = await openBaseModel(project, head.state.root, root, { bases: options.bases, want: "weights" });
  const isCompared = judged.outcome.results.base !== null && judged.outcome.adapters.base !== null;
  const comparedWith = isCompared ? (previous?.name ?? null) : null;
  const published = publishedBase(project);
  if (published === null) throw new InternalError("a project without a published base was judged");
  return {
    project,
    judged,
    lock: judged.lock,
    adapter: adapters.head,
    base,
    publishedBase: published,
    comparedWith,
  };
}

function pick({ signal }: JudgeReleaseOptions): { readonly signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** @throws {GituneError} where the commit has no such project, in this version, with all that a release needs */
async function findProject(head: RepositoryState, tag: ReleaseTag): Promise<Project> {
  const errors = head.issues.filter(({ severity, project }) => severity === "error" && project === tag.project);
  if (errors.length > 0) throw new GituneError(errors);
  const project = head.projects.find(({ config }) => config.name === tag.project);
  if (!project) {
    // Asks again by name, for the error that says which names there are.
    await discoverProjects(head.state.root, [tag.project]);
    throw tagError(tag.name, `the commit of ${tag.name} has no project ${tag.project}`);
  }
  const { config, configFile } = project;
  const at = { severity: "error", project: config.name, file: configFile } as const;
  if (config.version !== tag.version) {
    throw tagError(tag.name, `${configFile} says version ${config.version} at the commit of the tag ${tag.name}`, {
      project: config.name,
      expected: `${config.name}@${config.version}`,
      fix: "set version in gitune.yaml and commit before the tag is made, or tag the right commit",
    });
  }
  const problems: Issue[] = [];
  if (config.publish === null) {
    const fix = "add publish: { hub: <owner>/<name> } to gitune.yaml";
    problems.push({ ...at, code: "publish.config", message: "the project does not say where its adapter goes", fix });
  }
  if (config.train.technique.type !== "lora") {
    const message = "only LoRA adapters are published, and this project trains a whole model";
    problems.push({ ...at, code: "publish.config", pointer: "/train/technique", message });
  }
  if (publishedBase(project) === null) {
    problems.push({
      ...at,
      code: "publish.base",
      pointer: "/train/base",
      message: `${JSON.stringify(config.train.base)} is a path in this repository, which means nothing to whoever loads the adapter`,
      found: config.train.base,
      fix: "publish the base, then say where: publish: { base: <owner>/<name>, revision: <40 hex digits> }",
    });
  }
  if (config.gate.rules.length === 0) {
    const fix = "add an eval suite, and rules below gate:";
    problems.push({ ...at, code: "publish.ungated", pointer: "/gate", message: "the gate has no rules", fix });
  }
  if (problems.length > 0) throw new GituneError(problems);
  return project;
}

/** The base as others find it; null where there is no way to say it. */
export function publishedBase({ config }: Project): { readonly id: string; readonly revision: string } | null {
  const { train, publish } = config;
  const [id, revision] =
    train.revision === null ? [publish?.base ?? "", publish?.revision] : [train.base, train.revision];
  return typeof revision === "string" && HUB_ID.test(id) ? { id, revision } : null;
}

const HUB_ID = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;

function unjudged({ name, project }: ReleaseTag): GituneError {
  return new GituneError(
    {
      code: "publish.unjudged",
      severity: "error",
      project,
      message: `the store has no verdict on what ${name} names`,
      fix: "run the gate where the store is filled, or leave out --stored: it is trained and judged now then",
    },
    { exitCode: 1 },
  );
}

function refused({ outcome }: JudgedProject, issues: readonly Issue[], reportFolder: string): GituneError {
  const failed = outcome.comparison?.rules.filter(({ verdict }) => verdict !== "pass") ?? [];
  const rules = failed.map(({ suite, metric, slice, verdict }) => {
    const of = slice === undefined ? suite : `${suite}/${slice}`;
    return `${metric} of ${of}: ${verdict}`;
  });
  const errors = issues.filter(({ severity }) => severity === "error");
  const refusal: Issue = {
    code: "publish.gate",
    severity: "error",
    project: outcome.name,
    message:
      errors.length > 0
        ? "the checks found errors, so nothing is published"
        : `the gate says ${outcome.verdict}, so nothing is published`,
    ...(rules.length > 0 ? { found: rules.join("; ") } : {}),
    fix: `see ${join(reportFolder, "report.md")}; mend the data, bump the version, and tag again`,
  };
  return new GituneError([...errors, refusal], { exitCode: 1 });
}
