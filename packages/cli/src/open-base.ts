/** Opens the base of a project, wherever it comes from: every verb that needs one calls this. */
import { join } from "node:path";
import { localBase, type Project } from "@gitune/core";
import type { Base, OpenBaseOptions } from "@gitune/train";
import { type HubBase, type HubBases, hubBaseOf, type Want } from "./hub-base/hub-bases.js";

/** @throws {GituneError} what `HubBases.fetch` and `openBase` throw */
export async function openProjectBase(project: Project, bases: HubBases, want: Want): Promise<Base> {
  const { openBase } = await import("@gitune/train/tokenizer");
  return openBase(await basePlace(project, bases, want));
}

/** Where it is, for the engine. @param want "cached" takes what is here, and asks nobody */
export async function basePlace(project: Project, bases: HubBases, want: Want | "cached"): Promise<OpenBaseOptions> {
  const { base, revision } = project.config.train;
  const place = { root: project.root, projectDir: project.dir, base, revision };
  const hub = hubBaseOf(project);
  if (hub === null) return place;
  const snapshot = want === "cached" ? await here(hub, bases) : await bases.fetch(hub, want);
  return snapshot === null ? place : { ...place, snapshot };
}

async function here(hub: HubBase, bases: HubBases) {
  return (await bases.cached(hub, "weights")) ?? bases.cached(hub, "identity");
}

/** Tells where a project's tokenizer is; null where it is not on this machine. */
export type FindTokenizer = (project: Project) => Promise<string | null>;

/** Without asking the Hub. */
export function tokenizerHere(bases: HubBases): FindTokenizer {
  return (project) => placeOf(project, async (hub) => (await bases.cached(hub, "identity"))?.dir ?? null);
}

/** Fetches it where it is not here. */
export function tokenizerOf(bases: HubBases): FindTokenizer {
  return (project) => placeOf(project, async (hub) => (await bases.fetch(hub, "identity")).dir);
}

/** The end of the sentence "there is no tokenizer, since …", for a base that is not here. */
export function whyNone(project: Project, bases: HubBases): string {
  const hub = hubBaseOf(project);
  return hub === null
    ? "the base is not in this repository"
    : `the base is not in the Hub's cache: ${bases.command(hub)}`;
}

async function placeOf(project: Project, find: (hub: HubBase) => Promise<string | null>): Promise<string | null> {
  const [path, hub] = [localBase(project), hubBaseOf(project)];
  if (hub !== null) return find(hub);
  return path === null ? null : join(project.root, path);
}
