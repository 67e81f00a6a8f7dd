/**
 * The cache that every Hugging Face tool shares: `models--<owner>--<name>/{blobs,snapshots/<commit>,.no_exist/<commit>}`. A
 * snapshot's files are links to blobs, which are named by their hash.
 * @see https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, realpath, rename, stat, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { errnoOf, GituneError, isReallyInside, writeError } from "@gitune/core";
import type { BaseSnapshot } from "@gitune/train";
import { blobId } from "../publish/hub-repository.js";
import type { Context } from "../verb.js";
import { INDEX, isWeights, NEEDED, OPTIONAL, shardNames, WEIGHTS } from "./base-files.js";

/** Where the cache is, as huggingface_hub finds it. @returns absolute */
export function cacheFolder(env: Context["env"], cwd = process.cwd()): string {
  const home = env["HOME"] || homedir();
  const named = env["HF_HUB_CACHE"];
  if (named) return resolve(cwd, fromHome(named, home));
  const hf = env["HF_HOME"] || join(env["XDG_CACHE_HOME"] || join(home, ".cache"), "huggingface");
  return resolve(cwd, fromHome(hf, home), "hub");
}

function fromHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

/** What of a commit the cache has. */
export interface Found {
  /** Files of the snapshot by name -> name of their blob; null for a file that is no link. */
  readonly files: ReadonlyMap<string, string | null>;
  readonly hasWeights: boolean;
  /** All that the engine reads is there; what is not, the commit is known not to have. */
  readonly isWhole: boolean;
  /** The same without the weights. */
  readonly isReadable: boolean;
  /** All that every model has is there. What only some have may be missing. */
  readonly isUsable: boolean;
}

/** One base in the cache, at one commit. */
export class CachedBase {
  readonly id: string;
  readonly revision: string;
  /** Absolute. */
  readonly dir: string;
  readonly #repository: string;
  /** Names of blobs whose content was looked at. */
  readonly #checked = new Set<string>();

  /** @param id checked by `isHubId`, so that its folder's name stays one name */
  constructor(cache: string, id: string, revision: string) {
    this.id = id;
    this.revision = revision;
    this.#repository = join(cache, `models--${id.replace("/", "--")}`);
    this.dir = join(this.#repository, "snapshots", revision);
  }

  get blobs(): string {
    return join(this.#repository, "blobs");
  }

  /**
   * Looks, and asks nobody.
   * @throws {GituneError} `base.outside` for a link that leads out of the blobs, `base.damaged` for a small file of other bytes
   */
  async look(): Promise<Found> {
    const files = new Map<string, string | null>();
    const missing: string[] = [];
    for (const name of [...NEEDED, ...OPTIONAL, WEIGHTS, INDEX]) {
      const blob = await this.#blobOf(name);
      if (blob !== undefined) files.set(name, blob);
      else if (!(await exists(join(this.#noExist, name)))) missing.push(name);
    }
    const shards = files.has(WEIGHTS) || !files.has(INDEX) ? [] : await shardNames(join(this.dir, INDEX), this.id);
    for (const name of shards) {
      const blob = await this.#blobOf(name);
      if (blob !== undefined) files.set(name, blob);
      else missing.push(name);
    }
    // `hf download` brings every file of the commit, and this one is in each; what is missing then is not in it.
    const hasAll = await exists(join(this.dir, ".gitattributes"));
    const isKnown = (name: string) => hasAll || !missing.includes(name);
    const hasWeights = files.has(WEIGHTS) || (shards.length > 0 && shards.every((name) => files.has(name)));
    const hasNeeded = NEEDED.every((name) => files.has(name));
    const isReadable = hasNeeded && OPTIONAL.every(isKnown);
    const isSettled = files.has(WEIGHTS) || isKnown(WEIGHTS);
    return {
      files,
      hasWeights,
      isReadable,
      isWhole: isReadable && hasWeights && isSettled,
      isUsable: hasNeeded && hasWeights,
    };
  }

  /**
   * What the engine opens.
   * @param known sha256 by file name, as the Hub says; with those of weights that are not there
   */
  snapshot({ files, hasWeights }: Found, known: ReadonlyMap<string, string>): BaseSnapshot {
    const named = [...files].flatMap(([name, blob]) =>
      blob !== null && SHA256.test(blob) ? [[name, blob] as const] : [],
    );
    const isComplete = hasWeights && [...known.keys()].every((name) => files.has(name) || !isWeights(name));
    return { dir: this.dir, hasWeights: isComplete, sha256: new Map([...named, ...known]) };
  }

  /** Makes a blob's file part of the snapshot; in place of a link whose blob is gone. */
  async link(name: string, blob: string): Promise<void> {
    const place = join(this.dir, name);
    const temporary = `${place}.${randomBytes(4).toString("hex")}.tmp`;
    try {
      await mkdir(dirname(place), { recursive: true });
      await symlink(relative(dirname(place), join(this.blobs, blob)), temporary);
      await rename(temporary, place);
    } catch (error) {
      // Windows lets not everybody make links; other Hugging Face tools do the same then.
      if (errnoOf(error) !== "EPERM") throw writeError(place, error);
      await rename(join(this.blobs, blob), place);
    }
  }

  /** Notes that the commit has no such file, as transformers does. */
  async noteMissing(name: string): Promise<void> {
    const place = join(this.#noExist, name);
    try {
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, "");
    } catch (error) {
      throw writeError(place, error);
    }
  }

  get #noExist(): string {
    return join(this.#repository, ".no_exist", this.revision);
  }

  /** @returns the name of the file's blob; null for a file that is no link, undefined where there is none */
  async #blobOf(name: string): Promise<string | null | undefined> {
    const path = join(this.dir, name);
    const info = await lstat(path).catch(() => null);
    if (info === null) return undefined;
    if (!info.isSymbolicLink()) {
      if (info.isFile() && !(await isReallyInside(this.#repository, path))) throw this.#outside(path);
      return info.isFile() ? null : undefined;
    }
    if ((await stat(path).catch(() => null)) === null) return undefined;
    const blob = await realpath(path);
    if (!(await isReallyInside(this.blobs, blob)) || !(await stat(blob)).isFile()) throw this.#outside(path);
    const named = basename(blob);
    // Files with a sha256 are checked by whoever reads them; git's own hash is of small ones.
    if (SHA1.test(named) && !this.#checked.has(named)) {
      if ((await blobId(blob)) !== named) throw damaged(path, named);
      this.#checked.add(named);
    }
    return named;
  }

  #outside(path: string): GituneError {
    return new GituneError({
      code: "base.outside",
      severity: "error",
      file: path,
      message: `a file of ${this.id} in the Hub's cache leads out of the folder of its blobs`,
      expected: `a link into ${this.blobs}`,
      fix: `remove ${this.dir}, and run again: it is downloaded anew`,
    });
  }
}

const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

function damaged(file: string, blob: string): GituneError {
  return new GituneError(
    {
      code: "base.damaged",
      severity: "error",
      file,
      message: `${file} is not what the base's commit on the Hub has`,
      expected: `git's blob ${blob}`,
      fix: "remove the file that it leads to, and run again: it is downloaded anew",
    },
    { exitCode: 3 },
  );
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
