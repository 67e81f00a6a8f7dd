/**
 * What nx must know of a `gitune.yaml`. Read by core's YAML reader alone, with its bounds: the graph is built before every
 * nx command, so nothing here may load a schema compiler or an engine. What is wrong in the file is for `gitune validate`
 * to say; here it is left out.
 */
import { posix } from "node:path";
import { parseYaml } from "@gitune/core/yaml";

export interface ProjectFacts {
  /** The project's folder, relative to the workspace's root, forward slashes. */
  readonly dir: string;
  /** Null where the file has none that a command line could take. */
  readonly name: string | null;
  readonly description: string;
  /** Split -> globs, relative to the workspace's root. Null where the file has no readable splits. */
  readonly splits: ReadonlyMap<string, readonly string[]> | null;
  /** Relative to the workspace's root. */
  readonly schema: string | null;
  /** Other projects whose train splits are trained on, too. */
  readonly mix: readonly string[];
  /** As written: a Hub id, a folder or a file. */
  readonly base: string | null;
  /** The suites' files, relative to the workspace's root. */
  readonly suites: readonly string[];
  /** Whether rows come in by themselves: `refresh.sources` has one. */
  readonly hasSources: boolean;
}

/**
 * What a project's name may look like (the config's schema in @gitune/core says the same). It becomes a word of a
 * shell's command line, so this is a security boundary.
 */
const SAFE_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/;

/** Whether a name can be a word of a command line. */
export function isSafeName(name: unknown): name is string {
  return typeof name === "string" && SAFE_NAME.test(name);
}

/**
 * @param dir the folder of the config file, relative to the workspace's root, forward slashes
 * @param text the file's content, not trusted
 */
export async function readFacts(dir: string, text: string): Promise<ProjectFacts> {
  const yaml = await parseYaml(text);
  // Not hidden: the inferred `validate` target prints the issues with their lines.
  const config = asRecord("issues" in yaml ? null : yaml.value);
  const data = asRecord(config["data"]);
  const train = asRecord(config["train"]);
  const name = config["name"];
  const description = config["description"];
  const base = train["base"];
  return {
    dir,
    name: isSafeName(name) ? name : null,
    description: typeof description === "string" ? description : "",
    splits: readSplits(dir, data["splits"]),
    schema: inWorkspace(dir, data["schema"]),
    mix: asList(data["mix"]).flatMap((part) => {
      const project = asRecord(part)["project"];
      return isSafeName(project) ? [project] : [];
    }),
    base: typeof base === "string" && base !== "" ? base : null,
    suites: asList(config["evals"]).flatMap((suite) => inWorkspace(dir, asRecord(suite)["data"]) ?? []),
    hasSources: asList(asRecord(config["refresh"])["sources"]).length > 0,
  };
}

/**
 * A path of the config, seen from the workspace's root.
 * @returns null where it is no path, or one that leaves the workspace
 */
export function inWorkspace(dir: string, path: unknown): string | null {
  if (typeof path !== "string" || path === "" || path.startsWith("/")) return null;
  const joined = posix.normalize(posix.join(dir, path));
  return joined === ".." || joined.startsWith("../") ? null : joined;
}

function readSplits(dir: string, written: unknown): ReadonlyMap<string, readonly string[]> | null {
  const splits = new Map<string, readonly string[]>();
  for (const [split, globs] of Object.entries(asRecord(written))) {
    const paths = (Array.isArray(globs) ? globs : [globs]).flatMap((glob) => inWorkspace(dir, glob) ?? []);
    if (paths.length > 0) splits.set(split, paths);
  }
  return splits.size > 0 ? splits : null;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
