/** The whole of `gitune publish`: which release, the gate's word, its files, the Hub. */
import { join, posix, relative, sep } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import {
  type Device,
  findRepoRoot,
  type GitTag,
  GituneError,
  InternalError,
  listTags,
  readFileAt,
  resolveRef,
} from "@gitune/core";
import { HubBases } from "../hub-base/hub-bases.js";
import { openStore } from "../open-store.js";
import { CHANGELOG_FILE, entryOf } from "../prepare/edit-files.js";
import { usableProject } from "../projects.js";
import type { Context } from "../verb.js";
import { checkBase } from "./check-base.js";
import { noCredentials } from "./credentials.js";
import type { Sleep } from "./hub-fetch.js";
import { HubRepository } from "./hub-repository.js";
import { type JudgedRelease, judgeRelease } from "./judge-release.js";
import { type PublishPlan, planRelease, publishRelease } from "./publish-release.js";
import { type ReleaseFiles, repositoryUrl, writeReleaseFiles } from "./release-files.js";
import { chosenTag, type ReleaseTag, releasesOf, tagError, tagOf } from "./release-tag.js";
import { tryAdapter } from "./try-adapter.js";
import { compareVersions } from "./versions.js";

export interface PublishOptions {
  readonly dryRun: boolean;
  /** Of the first suite. */
  readonly prompts: number;
  /** Trains and evaluates nothing: publishes what the store has a verdict on. */
  readonly stored?: boolean;
  readonly device?: Device;
  readonly threads?: number;
  /** In place of real waiting, for tests. */
  readonly sleep?: Sleep;
}

type World = Pick<Context, "cwd" | "env" | "note" | "onProgress" | "signal">;

/** What `publish --json` prints. */
export interface PublishDocument {
  readonly version: 1;
  readonly status: "published" | "already" | "dry-run";
  readonly tag: string;
  /** The commit of the tag in git. */
  readonly commit: string;
  readonly verdict: string;
  /** The release that it was compared with; null for the bare base. */
  readonly compared_with: string | null;
  readonly adapter: { readonly path: string; readonly sha256: string };
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
  readonly report: string;
  readonly hub: { readonly repository: string; readonly url: string; readonly commit: string | null };
  /** With `--dry-run`, where the Hub could be asked. */
  readonly plan: PublishPlan | null;
  /** Answered alike by the adapter here and the one from the Hub. */
  readonly prompts: number;
  /** The version's part of the project's CHANGELOG.md, without its heading; null where it has none. */
  readonly changelog: string | null;
  readonly issues: ReleaseFiles["issues"];
}

/**
 * @param typed `<project>@<version>` or a project's name; undefined takes the pushed tag or the only project
 * @throws {GituneError} exit code 1 where the gate says no, 2 for a tag or config, 3 for the Hub, network or machine
 */
export async function runPublish(
  typed: string | undefined,
  options: PublishOptions,
  world: World,
): Promise<PublishDocument> {
  const root = findRepoRoot(world.cwd);
  const tag = chosenTag(typed, world.env) ?? tagOf(await usableProject(world.cwd, typed));
  const tags = await listTags(root);
  const commit = await commitOf(tag, tags, root, options.dryRun);
  const releases = releasesOf(tag.project, tags);
  const previous = releases.filter(({ version }) => compareVersions(version, tag.version) < 0).at(-1) ?? null;
  const place = join(root, ".gitune", "release", tag.name);
  const shown = (path: string) => relative(root, path).split(sep).join("/");
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  const judging = {
    root,
    tag,
    commit,
    previous,
    reportFolder: join(place, "report"),
    store: await openStore(root, world),
    bases: new HubBases({ ...world, ...(options.sleep ? { sleep: options.sleep } : {}) }),
    onProgress: world.onProgress,
    onNote: world.note,
    signal: world.signal,
    compute: options.stored !== true,
    ...(options.device === undefined ? {} : { device: options.device }),
    ...threads,
  };
  return judgeRelease(judging, async (release) => {
    const { publish } = release.project.config;
    if (publish === null) throw new InternalError("a project without publish: was judged");
    const hub = new HubRepository({
      name: publish.hub,
      env: world.env,
      sleep: options.sleep ?? realSleep,
      signal: world.signal,
    });
    const repository = await repositoryUrl(root, world.env);
    const files = await writeReleaseFiles(join(place, "adapter"), release, {
      tag: tag.name,
      commit,
      repository,
      env: world.env,
    });
    const issues = [...files.issues, ...(await checkBase(release.project, release.publishedBase, hub))];
    const written = await readFileAt(root, commit, posix.join(release.project.dir, CHANGELOG_FILE));
    const upload = { tag, folder: files.folder, files: files.files, isPrivate: publish.private };
    const document = {
      version: 1,
      tag: tag.name,
      commit,
      verdict: release.judged.outcome.verdict,
      compared_with: release.comparedWith,
      adapter: { path: shown(files.folder), sha256: files.adapterSha256 },
      files: files.files.map(({ path, sizeBytes, sha256 }) => ({ path, size: sizeBytes, sha256 })),
      report: shown(join(place, "report", "report.md")),
      changelog: entryOf(written, tag.version),
      issues,
    } as const;
    const at = (hubCommit: string | null) => ({ repository: hub.name, url: hub.url, commit: hubCommit });
    if (options.dryRun) {
      const plan = await planRelease(upload, hub);
      return { ...document, status: "dry-run", hub: at(null), plan, prompts: 0 };
    }
    if (hub.credentials === null) throw noCredentials();
    const prompts = promptsOf(release, options.prompts);
    const done = await publishRelease(
      {
        ...upload,
        onStep: (step) =>
          world.onProgress({ phase: "publish", done: STEPS.indexOf(step), total: STEPS.length, unit: "steps" }),
        tryOut: (folder) =>
          tryAdapter(folder, {
            ...prompts,
            ...threads,
            base: release.base,
            sent: files.folder,
            signal: world.signal,
          }),
      },
      hub,
    );
    const status = done.did.tagged ? "published" : "already";
    return { ...document, status, hub: at(done.commit), plan: null, prompts: prompts.rows.length };
  });
}

const STEPS = ["commit", "download", "try", "tag"] as const;

/** Waits in real time. */
export const realSleep: Sleep = (ms, signal) => wait(ms, undefined, signal ? { signal } : {});

/** @throws {GituneError} `publish.tag` where git has no such tag; a dry run takes what is committed then */
async function commitOf(tag: ReleaseTag, tags: readonly GitTag[], root: string, dryRun: boolean): Promise<string> {
  const found = tags.find(({ name }) => name === tag.name);
  if (found) return found.commit;
  if (dryRun) return resolveRef(root, "HEAD");
  throw tagError(tag.name, `git has no tag ${tag.name}`, {
    project: tag.project,
    fix: `git tag ${tag.name} && git push origin ${tag.name} (in CI: fetch-depth: 0 at the checkout)`,
  });
}

/** The first suite's first rows, with its settings. */
function promptsOf({ project, judged }: JudgedRelease, count: number) {
  const [suite] = project.config.evals;
  if (!suite)
    throw new GituneError({ code: "eval.no-suites", severity: "error", message: "the project has no suites" });
  const { seed } = project.config.train;
  const rows = (judged.rows[suite.name] ?? []).slice(0, count);
  return { rows, generation: { ...suite.generation, seed } };
}
