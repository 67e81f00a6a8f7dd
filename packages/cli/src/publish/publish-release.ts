/**
 * A release's way to the Hub: repository, one commit, check of what arrived, tag. Each step looks first and does only what
 * is missing, so whoever was cut off anywhere runs it again. The tag comes last: where it is, all the rest was done.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GituneError } from "@gitune/core";
import { converge } from "./converge.js";
import type { HubRefs, HubRepository } from "./hub-repository.js";
import { KNOWN_FILES, RECORD_FILES, type ReleaseFile } from "./release-files.js";
import { hubReleases, readRelease } from "./release-state.js";
import { parseReleaseTag, type ReleaseTag, tagError } from "./release-tag.js";
import { rollBack } from "./roll-back.js";
import { hasRelease, isSame, notTheSame } from "./same-release.js";
import { compareVersions } from "./versions.js";

export interface ReleaseUpload {
  readonly tag: ReleaseTag;
  /** Where the files are. */
  readonly folder: string;
  readonly files: readonly ReleaseFile[];
  /** Decides only when the repository is made. */
  readonly isPrivate: boolean;
  /** Tries what came back from the Hub; throws where it is not as good as what was sent. */
  readonly tryOut: (folder: string) => Promise<void>;
  readonly onStep?: (step: PublishStep) => void;
}

export type PublishStep = "commit" | "download" | "try" | "tag";

export interface Published {
  /** The Hub's commit that has the release. */
  readonly commit: string;
  /** What this run did; nothing of it where the release was there already. */
  readonly did: { readonly created: boolean; readonly committed: boolean; readonly tagged: boolean };
}

/** @throws {GituneError} 2 `publish.conflict`, `publish.older`; 3 `publish.verify`, and what the Hub refuses or fails */
export async function publishRelease(upload: ReleaseUpload, hub: HubRepository): Promise<Published> {
  const { tag, onStep } = upload;
  const did = { created: false, committed: false, tagged: false };
  onStep?.("commit");
  const commit = await converge(async () => {
    let refs = await hub.readRefs();
    if (refs === null) {
      await hub.create(upload.isPrivate);
      did.created = true;
      refs = await hub.readRefs();
    }
    if (refs === null) throw missing(hub.name);
    const place = await findRelease(upload, refs, hub);
    if (place.commit !== null) return place.commit;
    did.committed = true;
    return hub.commit({
      title: `Release ${tag.name}`,
      parent: refs.head,
      folder: upload.folder,
      add: upload.files.map(({ path }) => path),
      remove: place.stale,
    });
  }, hub);
  if ((await hub.readRefs())?.tags.get(tag.name) === commit) return { commit, did };

  await checkArrival(upload, commit, hub);
  onStep?.("tag");
  await converge(async () => {
    const refs = await hub.readRefs();
    const tagged = refs?.tags.get(tag.name);
    if (tagged === commit) return;
    if (tagged !== undefined) throw conflict(tag.name, hub.name, tagged);
    did.tagged = true;
    await hub.createTag(tag.name, commit);
  }, hub);
  // What whoever loads the release will get.
  const refs = await hub.readRefs();
  const found = refs?.tags.get(tag.name);
  if (refs === null || found !== commit) throw conflict(tag.name, hub.name, found ?? "none");
  await keepNewest(tag, commit, refs, hub);
  return { commit, did };
}

/**
 * Of two versions that are published at once the older one may be committed last: then `main` is brought back to the newer
 * one. Both look, each after its tag is there, so at least one of them sees it.
 */
async function keepNewest(tag: ReleaseTag, commit: string, refs: HubRefs, hub: HubRepository): Promise<void> {
  const newest = hubReleases(tag.project, refs).at(-1) ?? tag;
  if (refs.head === commit && newest.name === tag.name) return;
  const served = parseReleaseTag((await readRelease(refs.head, hub)).stated?.tag ?? "");
  if (served === null || served.project !== tag.project) return;
  const isOurMatter = newest.name === tag.name || served.name === tag.name;
  if (isOurMatter && compareVersions(served.version, newest.version) < 0) await rollBack(newest, hub);
}

/** What a publish would do; nothing is written. */
export interface PublishPlan {
  readonly repository: "there" | "create";
  readonly isPublished: boolean;
  readonly files: readonly { readonly path: string; readonly change: "add" | "update" | "same" | "remove" }[];
}

/** @throws {GituneError} as `publishRelease` would */
export async function planRelease(
  upload: Pick<ReleaseUpload, "tag" | "files">,
  hub: HubRepository,
): Promise<PublishPlan> {
  const refs = await hub.readRefs();
  if (refs === null) {
    const files = upload.files.map(({ path }) => ({ path, change: "add" as const }));
    return { repository: "create", isPublished: false, files };
  }
  const { commit, stale } = await findRelease(upload, refs, hub);
  const there = new Map((await hub.listFiles(commit ?? refs.head)).map((file) => [file.path, file]));
  const changeOf = (file: ReleaseFile) => {
    const found = there.get(file.path);
    return found === undefined ? "add" : isSame(file, found) ? "same" : "update";
  };
  return {
    repository: "there",
    isPublished: refs.tags.has(upload.tag.name),
    files: [
      ...upload.files.map((file) => ({ path: file.path, change: changeOf(file) }) as const),
      ...stale.map((path) => ({ path, change: "remove" as const })),
    ],
  };
}

/** Where a release is, found by its content alone. */
async function findRelease(
  { tag, files }: Pick<ReleaseUpload, "tag" | "files">,
  refs: HubRefs,
  hub: HubRepository,
): Promise<{ readonly commit: string | null; readonly stale: readonly string[] }> {
  const tagged = refs.tags.get(tag.name);
  if (tagged !== undefined) {
    if (hasRelease(files, await hub.listFiles(tagged))) return { commit: tagged, stale: [] };
    throw conflict(tag.name, hub.name, tagged);
  }
  const there = await hub.listFiles(refs.head);
  // Also where a newer one was published meanwhile: that one's place on main is given back at the end.
  if (hasRelease(files, there)) return { commit: refs.head, stale: [] };
  const newest = hubReleases(tag.project, refs).at(-1);
  if (newest && compareVersions(newest.version, tag.version) > 0) throw older(tag.name, newest.name, hub.name);
  const kept = new Set(files.map(({ path }) => path));
  const known: ReadonlySet<string> = new Set(KNOWN_FILES);
  return { commit: null, stale: there.map(({ path }) => path).filter((path) => known.has(path) && !kept.has(path)) };
}

/** Downloads every file again, compares its hash, and tries the adapter. */
async function checkArrival(upload: ReleaseUpload, commit: string, hub: HubRepository): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gitune-published-"));
  try {
    upload.onStep?.("download");
    for (const { path, sha256 } of upload.files) {
      const found = await hub.download(path, commit, folder);
      if (found === sha256 || (found !== null && RECORD_FILES.has(path))) continue;
      throw notTheSame(`${path} of commit ${commit.slice(0, 8)} of ${hub.name}`, sha256, found ?? "no such file");
    }
    upload.onStep?.("try");
    await upload.tryOut(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function conflict(tag: string, repository: string, commit: string): GituneError {
  return new GituneError({
    code: "publish.conflict",
    severity: "error",
    message: `${repository} has ${tag} already, with other content (commit ${commit.slice(0, 8)})`,
    expected: "a version that was never published, or the very content that was",
    fix: "a published version never changes: bump version in gitune.yaml, commit, and tag that",
  });
}

function older(tag: string, newer: string, repository: string): GituneError {
  return new GituneError({
    code: "publish.older",
    severity: "error",
    message: `${repository} has ${newer} already, so publishing ${tag} would make main serve an older adapter`,
    fix: `bump the version past ${newer}, or to go back: gitune release rollback <project>@<version>`,
  });
}

function missing(repository: string): GituneError {
  return tagError(repository, `the Hub made ${repository}, and does not show it to us`);
}
