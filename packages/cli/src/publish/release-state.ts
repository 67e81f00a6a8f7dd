/**
 * Where each release stands. Read from git's tags, the Hub's tags and content hashes alone, so that nothing can disagree
 * with what is really there.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GitTag } from "@gitune/core";
import type { HubRefs, HubRepository } from "./hub-repository.js";
import { PROVENANCE_FILE, readProvenance, type StatedRelease } from "./provenance.js";
import { ADAPTER_FILE } from "./release-files.js";
import { type GitRelease, parseReleaseTag, type ReleaseTag, releasesOf } from "./release-tag.js";
import { compareVersions } from "./versions.js";

/**
 * - `published`: tagged on the Hub, of the very commit, with the adapter that its statement names
 * - `cut-off`: the newest release's files are on `main` and have no tag: `repair` goes on
 * - `missing`: tagged in git, not on the Hub
 * - `superseded`: the same, and the Hub has a newer version: it stays out
 * - `moved`: git's tag is at another commit now than the one that was published
 * - `damaged`: the adapter on the Hub is not the one that its statement names, or there is no statement
 * - `orphan`: tagged on the Hub, and not in git
 */
export type ReleaseStatus = "published" | "cut-off" | "missing" | "superseded" | "moved" | "damaged" | "orphan";

/** One release, in git, on the Hub, or on both. */
export interface ReleaseState {
  readonly tag: ReleaseTag;
  readonly status: ReleaseStatus;
  /** Of git's tag; null where it has none. */
  readonly commit: string | null;
  /** The Hub's commit; null where it has no tag. */
  readonly hubCommit: string | null;
  readonly adapterSha256: string | null;
  /** Whether it is what `main` has: what whoever names no version gets. */
  readonly isServed: boolean;
}

/** What `repair` can mend by publishing. */
export function isRepairable({ status }: ReleaseState): boolean {
  return status === "cut-off" || status === "missing";
}

/** A project's releases, oldest first. */
export async function readReleases(
  project: string,
  tags: readonly GitTag[],
  hub: HubRepository,
): Promise<readonly ReleaseState[]> {
  const refs = await hub.readRefs();
  const inGit = new Map(releasesOf(project, tags).map((release) => [release.name, release]));
  const onHub = hubReleases(project, refs);
  const served = refs && (await readRelease(refs.head, hub));
  const newest = onHub.at(-1)?.version ?? null;
  const states: ReleaseState[] = [];
  const all = new Map([...onHub, ...inGit.values()].map((tag) => [tag.name, tag]));
  for (const tag of [...all.values()].sort((a, b) => compareVersions(a.version, b.version))) {
    const release = inGit.get(tag.name);
    const hubCommit = refs?.tags.get(tag.name) ?? null;
    const stated = hubCommit === null ? null : await readRelease(hubCommit, hub);
    states.push({
      tag,
      status: statusOf(tag, release, hubCommit, stated, served, newest),
      commit: release?.commit ?? null,
      hubCommit,
      adapterSha256: stated?.found ?? null,
      isServed: served?.stated?.tag === tag.name,
    });
  }
  return states;
}

/** A project's versions on the Hub, oldest first. */
export function hubReleases(project: string, refs: HubRefs | null): readonly ReleaseTag[] {
  return [...(refs?.tags.keys() ?? [])]
    .flatMap((name) => parseReleaseTag(name) ?? [])
    .filter((tag) => tag.project === project)
    .sort((a, b) => compareVersions(a.version, b.version));
}

export interface FoundRelease {
  /** What the commit says of itself. */
  readonly stated: StatedRelease | null;
  /** sha256 of the adapter that it has. */
  readonly found: string | null;
}

function statusOf(
  tag: ReleaseTag,
  release: GitRelease | undefined,
  hubCommit: string | null,
  there: FoundRelease | null,
  served: FoundRelease | null,
  newest: string | null,
): ReleaseStatus {
  if (hubCommit !== null) {
    if (release === undefined) return "orphan";
    const stated = there?.stated;
    if (!stated || stated.tag !== tag.name || stated.adapterSha256 !== there.found) return "damaged";
    return stated.commit === release.commit ? "published" : "moved";
  }
  if (newest !== null && compareVersions(newest, tag.version) > 0) return "superseded";
  return served?.stated?.tag === tag.name ? "cut-off" : "missing";
}

/** The release that a commit of the Hub has. */
export async function readRelease(commit: string, hub: HubRepository): Promise<FoundRelease> {
  const files = await hub.listFiles(commit);
  const found = files.find(({ path }) => path === ADAPTER_FILE)?.sha256 ?? null;
  if (!files.some(({ path }) => path === PROVENANCE_FILE)) return { stated: null, found };
  const folder = await mkdtemp(join(tmpdir(), "gitune-release-"));
  try {
    await hub.download(PROVENANCE_FILE, commit, folder);
    return { stated: readProvenance(await readFile(join(folder, PROVENANCE_FILE), "utf8")), found };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
