/**
 * Makes `main` serve an earlier release again: its very files, in one commit, with a line in the card that says which
 * versions were withdrawn. Tags stay as they are: a published version never changes.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GituneError } from "@gitune/core";
import { converge } from "./converge.js";
import type { HubRepository } from "./hub-repository.js";
import { CARD_FILE, describeFiles, KNOWN_FILES } from "./release-files.js";
import { hubReleases } from "./release-state.js";
import { type ReleaseTag, tagError } from "./release-tag.js";
import { hasRelease, notTheSame } from "./same-release.js";
import { compareVersions } from "./versions.js";

export interface RolledBack {
  /** The Hub's commit that `main` is at. */
  readonly commit: string;
  /** Versions after it, which `main` does not serve any more. */
  readonly withdrawn: readonly string[];
  /** False where `main` served it already. */
  readonly changed: boolean;
}

/** @throws {GituneError} 2 `publish.tag` for a version that the Hub does not have; 3 where the Hub fails */
export async function rollBack(tag: ReleaseTag, hub: HubRepository): Promise<RolledBack> {
  const refs = await hub.readRefs();
  const releases = hubReleases(tag.project, refs);
  const target = refs?.tags.get(tag.name);
  if (target === undefined) {
    throw tagError(tag.name, `${hub.name} has no ${tag.name}`, {
      expected: releases.length > 0 ? `one of ${releases.map(({ name }) => name).join(", ")}` : "a published version",
    });
  }
  const withdrawn = releases.filter(({ version }) => compareVersions(version, tag.version) > 0).map(({ name }) => name);
  const folder = await mkdtemp(join(tmpdir(), "gitune-rollback-"));
  try {
    await fetchRelease(target, folder, hub);
    if (withdrawn.length > 0) await markCard(join(folder, CARD_FILE), tag, withdrawn);
    const files = await describeFiles(folder);
    let changed = false;
    const commit = await converge(async () => {
      const now = await hub.readRefs();
      if (now === null)
        throw new GituneError(
          { code: "hub.refused", severity: "error", message: `${hub.name} is gone` },
          { exitCode: 3 },
        );
      const there = await hub.listFiles(now.head);
      if (hasRelease(files, there)) return now.head;
      changed = true;
      const kept = new Set(files.map(({ path }) => path));
      const known: ReadonlySet<string> = new Set(KNOWN_FILES);
      return hub.commit({
        title: `Roll back to ${tag.name}`,
        parent: now.head,
        folder,
        add: files.map(({ path }) => path),
        remove: there.map(({ path }) => path).filter((path) => known.has(path) && !kept.has(path)),
      });
    }, hub);
    return { commit, withdrawn, changed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every file of a release, each with the hash that the Hub knows it by. */
async function fetchRelease(commit: string, folder: string, hub: HubRepository): Promise<void> {
  const known: ReadonlySet<string> = new Set(KNOWN_FILES);
  const listed = (await hub.listFiles(commit)).filter(({ path }) => known.has(path));
  for (const { path } of listed) await hub.download(path, commit, folder);
  const got = await describeFiles(folder);
  for (const file of listed) {
    const mine = got.filter(({ path }) => path === file.path);
    if (hasRelease(mine, [file]) && mine.length === 1) continue;
    throw notTheSame(
      `${file.path} of commit ${commit.slice(0, 8)}`,
      file.sha256 ?? file.blob,
      mine[0]?.sha256 ?? "nothing",
    );
  }
}

/** Below the front matter, before anything else. */
async function markCard(path: string, tag: ReleaseTag, withdrawn: readonly string[]): Promise<void> {
  const card = await readFile(path, "utf8");
  const end = card.indexOf("\n---\n", 4);
  const at = end < 0 ? 0 : end + 5;
  const list = withdrawn.map((name) => `\`${name}\``).join(", ");
  const line = `\n> **Rolled back.** ${list} ${withdrawn.length === 1 ? "was" : "were"} withdrawn; this is \`${tag.name}\` again.\n`;
  await writeFile(path, card.slice(0, at) + line + card.slice(at));
}
