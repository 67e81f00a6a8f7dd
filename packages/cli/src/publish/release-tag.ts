/** Tags of releases: `<project>@<version>`, the same in git and on the Hub. */
import { type GitTag, GituneError, type Project } from "@gitune/core";
import { compareVersions, isVersion } from "./versions.js";

/** A release's name, in its parts. */
export interface ReleaseTag {
  /** The whole of it, such as `support-tickets@1.3.0`. */
  readonly name: string;
  readonly project: string;
  readonly version: string;
}

/** @returns null for a text that is no release's tag */
export function parseReleaseTag(name: string): ReleaseTag | null {
  // A project's name has no @; a version neither.
  const [project = "", version = "", ...rest] = name.split("@");
  return project !== "" && rest.length === 0 && isVersion(version) ? { name, project, version } : null;
}

/** The tag that a project's config asks for. */
export function tagOf({ config }: Pick<Project, "config">): ReleaseTag {
  const { name: project, version } = config;
  return { name: `${project}@${version}`, project, version };
}

/** A release's tag in git. */
export interface GitRelease extends ReleaseTag {
  readonly commit: string;
}

/** A project's releases among the tags, oldest version first. */
export function releasesOf(project: string, tags: readonly GitTag[]): readonly GitRelease[] {
  return tags
    .flatMap(({ name, commit }) => {
      const tag = parseReleaseTag(name);
      return tag?.project === project ? [{ ...tag, commit }] : [];
    })
    .sort((a, b) => compareVersions(a.version, b.version));
}

/**
 * The tag that a call is about: typed in full, or the one that was pushed where GitHub runs a workflow for a tag.
 * @returns null where neither names a release
 * @throws {GituneError} `publish.tag` for a typed or pushed tag that is not `<project>@<version>`
 */
export function chosenTag(
  typed: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ReleaseTag | null {
  const pushed = env["GITHUB_REF_TYPE"] === "tag" ? env["GITHUB_REF_NAME"] : undefined;
  const name = typed?.includes("@") ? typed : typed === undefined ? pushed : undefined;
  if (name === undefined) return null;
  const tag = parseReleaseTag(name);
  if (tag) return tag;
  throw tagError(name, `${JSON.stringify(name)} is no release's tag`, {
    expected: "<project>@<version>, such as support-tickets@1.3.0",
  });
}

/** An issue about a tag. */
export function tagError(
  tag: string,
  message: string,
  rest: { readonly expected?: string; readonly fix?: string; readonly project?: string } = {},
): GituneError {
  return new GituneError({ code: "publish.tag", severity: "error", message, found: tag, ...rest });
}
