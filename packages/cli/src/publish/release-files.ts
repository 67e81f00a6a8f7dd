/** A release as a folder: the files that go to the Hub, made of the judged adapter. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GituneError, hashFile, InternalError, type Issue, LOCK_FILE, writeLock } from "@gitune/core";
import { blobId } from "./hub-repository.js";
import type { JudgedRelease } from "./judge-release.js";
import { modelCard } from "./model-card.js";
import { builderOf, PROVENANCE_FILE, provenanceOf } from "./provenance.js";
import { lintServing } from "./serving-lint.js";

/** A file of a release, with both hashes that the Hub may know it by. */
export interface ReleaseFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** git's blob id. */
  readonly blob: string;
}

export interface ReleaseFiles {
  /** Absolute. */
  readonly folder: string;
  readonly files: readonly ReleaseFile[];
  readonly adapterSha256: string;
  /** Of the serving lint, none of them an error. */
  readonly issues: readonly Issue[];
}

export const ADAPTER_FILE = "adapter_model.safetensors";
export const ADAPTER_CONFIG = "adapter_config.json";
export const CARD_FILE = "README.md";
const TRAINER_STATE = "trainer_state.json";
const TEMPLATE_FILE = "chat_template.jinja";

/** Every file that a release may have, so that one of an earlier release does not stay. */
export const KNOWN_FILES = [
  ADAPTER_FILE,
  ADAPTER_CONFIG,
  CARD_FILE,
  LOCK_FILE,
  PROVENANCE_FILE,
  TEMPLATE_FILE,
  TRAINER_STATE,
] as const;

/**
 * Records of the run that made a release: they name versions, times and the machine, so another run of the same release
 * may write other ones. All other files are the same each time, and say whether a release is there already.
 */
export const RECORD_FILES: ReadonlySet<string> = new Set([LOCK_FILE, PROVENANCE_FILE, TRAINER_STATE]);

/**
 * Writes a release's folder.
 * @param folder replaced as a whole
 * @throws {GituneError} `publish.serving` (exit code 1) for an adapter that a server or an older PEFT would not load
 */
export async function writeReleaseFiles(
  folder: string,
  release: JudgedRelease,
  facts: {
    readonly tag: string;
    readonly commit: string;
    readonly repository: string | null;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Promise<ReleaseFiles> {
  const { project, judged, lock, adapter, publishedBase: base } = release;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const weights = join(folder, ADAPTER_FILE);
  await copyFile(join(adapter.dir, ADAPTER_FILE), weights);
  await copyFile(join(adapter.dir, TRAINER_STATE), join(folder, TRAINER_STATE));
  await writeLock(folder, lock);
  const { template } = release.base.tokenizer;
  if (template !== null) await writeFile(join(folder, TEMPLATE_FILE), template);

  const written = await readConfig(join(adapter.dir, ADAPTER_CONFIG));
  // A path means nothing elsewhere, so the base is named as others find it. PEFT's defaults are for adapters of earlier
  // versions, which left them out: vLLM has none.
  const config: Readonly<Record<string, unknown>> = {
    r: 8,
    lora_alpha: 8,
    ...written,
    base_model_name_or_path: base.id,
    revision: base.revision,
  };
  const issues = lintServing(config, project.config.name, { hasHeadNorms: release.base.config.qkNorm });
  if (issues.some(({ severity }) => severity === "error")) throw new GituneError(issues, { exitCode: 1 });
  await writeFile(join(folder, ADAPTER_CONFIG), `${JSON.stringify(sorted(config), null, 2)}\n`);

  const { comparison, results } = judged.outcome;
  if (comparison === null || results.head === null)
    throw new InternalError("a release without results was let through");
  const sha256 = await hashFile(weights);
  const card = modelCard({
    ...facts,
    project,
    base,
    lock,
    adapter: {
      ...adapter,
      sha256,
      sizeBytes: (await stat(weights)).size,
      targets: (config["target_modules"] as readonly string[] | undefined) ?? [],
    },
    results: { ...results, head: results.head },
    comparison,
    comparedWith: release.comparedWith,
  });
  await writeFile(join(folder, CARD_FILE), card);

  const subjects = { [ADAPTER_FILE]: sha256, [ADAPTER_CONFIG]: await hashFile(join(folder, ADAPTER_CONFIG)) };
  const statement = provenanceOf({ ...facts, base, lock, subjects, builder: builderOf(facts.env) });
  await writeFile(join(folder, PROVENANCE_FILE), `${JSON.stringify(statement, null, 2)}\n`);
  return { folder, files: await describeFiles(folder), adapterSha256: sha256, issues };
}

/** The files of a release's folder, hashed. */
export async function describeFiles(folder: string): Promise<readonly ReleaseFile[]> {
  const files: ReleaseFile[] = [];
  for (const path of KNOWN_FILES) {
    const at = join(folder, path);
    const info = await stat(at).catch(() => null);
    if (info) files.push({ path, sizeBytes: info.size, sha256: await hashFile(at), blob: await blobId(at) });
  }
  return files;
}

async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
}

function sorted(config: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The repository's address on the web: what GitHub says in a workflow, else `origin`'s, without anybody's credentials.
 * @returns null where there is none, or it is no address of a host
 */
export async function repositoryUrl(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const [server, name] = [env["GITHUB_SERVER_URL"], env["GITHUB_REPOSITORY"]];
  if (server && name) return `${server}/${name}`;
  const options = { cwd: root, encoding: "utf8" as const };
  const origin = await promisify(execFile)("git", ["remote", "get-url", "origin"], options).catch(() => null);
  const address = /^(?:https:\/\/(?:[^@/]*@)?|ssh:\/\/git@|git@)([\w.-]+)[:/]([\w./-]+?)(?:\.git)?\/?$/.exec(
    origin?.stdout.trim() ?? "",
  );
  return address ? `https://${address[1]}/${address[2]}` : null;
}
