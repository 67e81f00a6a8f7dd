/** `gitune release`: where releases stand, what was cut off brought to its end, and back to an earlier one. */
import { findRepoRoot, GituneError, listTags, type Project } from "@gitune/core";
import { usableProjects } from "../projects.js";
import type { Context } from "../verb.js";
import { noCredentials } from "./credentials.js";
import { HubRepository } from "./hub-repository.js";
import { isRepairable, type ReleaseState, readReleases } from "./release-state.js";
import { parseReleaseTag, tagError } from "./release-tag.js";
import { type RolledBack, rollBack } from "./roll-back.js";
import { type PublishDocument, type PublishOptions, realSleep, runPublish } from "./run-publish.js";

type World = Pick<Context, "cwd" | "env" | "note" | "onProgress" | "signal">;

/** A project's releases, as they are. */
export interface ProjectReleases {
  readonly project: string;
  readonly hub: string;
  readonly releases: readonly ReleaseState[];
}

/** @param names projects; all that publish where empty */
export async function releaseStatus(
  names: readonly string[],
  world: World,
  sleep = realSleep,
): Promise<readonly ProjectReleases[]> {
  const tags = await listTags(findRepoRoot(world.cwd));
  const found: ProjectReleases[] = [];
  for (const project of await publishing(names, world)) {
    const { name } = project.config;
    const hub = hubOf(project, world, sleep);
    found.push({ project: name, hub: hub.name, releases: await readReleases(name, tags, hub) });
  }
  return found;
}

/**
 * Publishes what was cut off or never published, the oldest first: `main` ends with the newest.
 * @returns what each of them came to
 */
export async function repairReleases(
  names: readonly string[],
  options: Omit<PublishOptions, "dryRun">,
  world: World,
): Promise<readonly PublishDocument[]> {
  const done: PublishDocument[] = [];
  for (const { releases } of await releaseStatus(names, world, options.sleep)) {
    for (const { tag } of releases.filter(isRepairable)) {
      done.push(await runPublish(tag.name, { ...options, dryRun: false }, world));
    }
  }
  return done;
}

/** @param typed `<project>@<version>`, of a version that the Hub has */
export async function rollBackRelease(
  typed: string,
  world: World,
  sleep = realSleep,
): Promise<RolledBack & { readonly tag: string; readonly hub: string }> {
  const tag = parseReleaseTag(typed);
  if (!tag) {
    throw tagError(typed, `${JSON.stringify(typed)} is no release's tag`, { expected: "<project>@<version>" });
  }
  const [project] = await publishing([tag.project], world);
  if (!project) throw tagError(typed, `there is no project ${tag.project}`);
  const hub = hubOf(project, world, sleep);
  if (hub.credentials === null) throw noCredentials();
  return { ...(await rollBack(tag, hub)), tag: tag.name, hub: hub.name };
}

/** @throws {GituneError} `publish.config` where none of them says where its adapter goes */
async function publishing(names: readonly string[], world: World): Promise<readonly Project[]> {
  const all = await usableProjects(world.cwd, names);
  const found = all.filter(({ config }) => config.publish !== null);
  if (found.length > 0) return found;
  const message = "no project says where its adapter goes";
  const fix = "add publish: { hub: <owner>/<name> } to gitune.yaml";
  throw new GituneError({ code: "publish.config", severity: "error", message, fix });
}

function hubOf({ config }: Project, { env, signal }: World, sleep: typeof realSleep): HubRepository {
  return new HubRepository({ name: config.publish?.hub ?? "", env, sleep, signal });
}
