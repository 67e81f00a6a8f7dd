/**
 * Bases from the Hub: taken from the cache that all Hugging Face tools share, else downloaded into it, file by file and each
 * checked by its hash. What is in the cache as a whole is used without asking anybody.
 */
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { errnoOf, GituneError, type Issue, isHubId, type OnProgress, type Project } from "@gitune/core";
import type { BaseSnapshot } from "@gitune/train";
import { hubEndpoint } from "../publish/hub-endpoint.js";
import type { Sleep } from "../publish/hub-fetch.js";
import type { Context } from "../verb.js";
import { INDEX, isWeights, NEEDED, OPTIONAL, shardNames, WEIGHTS } from "./base-files.js";
import { CachedBase, cacheFolder, type Found } from "./cache.js";
import { HubReader, type ListedFile } from "./hub-reader.js";
import { sizeLeft } from "./partial-file.js";

export interface HubBasesOptions {
  readonly env: Context["env"];
  /** What a relative folder in `env` is relative to. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
  readonly onProgress: OnProgress;
  readonly sleep?: Sleep;
}

/** A base of the Hub, and who asks for it. */
export interface HubBase {
  readonly id: string;
  readonly revision: string;
  readonly about: Pick<Issue, "project" | "file">;
}

/**
 * What it is wanted for: `identity` is enough to tell its hash, to count tokens and to read its config, since the Hub says the
 * hashes of weights that are not here.
 */
export type Want = "weights" | "identity";

/** What stays free of a disk that a base is downloaded to. */
const SPARE_BYTES = 256 * 1024 ** 2;
/** Where there is an answer without the Hub, it is not waited for long. */
const FEW_ATTEMPTS = 2;
/** A few seconds of a Hub that is down. */
const SOME_ATTEMPTS = 4;

/** The base of a project's recipe; null where it is one of the repository. */
export function hubBaseOf({ config, configFile }: Project): HubBase | null {
  const { base: id, revision } = config.train;
  return revision === null ? null : { id, revision, about: { project: config.name, file: configFile } };
}

/** Those of one call of gitune. Nothing is looked up or downloaded twice. */
export class HubBases {
  readonly #options: HubBasesOptions;
  readonly #done = new Map<string, Promise<BaseSnapshot>>();
  /** By id and commit, which never change. */
  readonly #listed = new Map<string, ReadonlyMap<string, ListedFile>>();

  constructor(options: HubBasesOptions) {
    this.#options = options;
  }

  /** Absolute. */
  get folder(): string {
    return cacheFolder(this.#options.env, this.#options.cwd);
  }

  /**
   * From the cache or the Hub.
   * @throws {GituneError} exit code 2 `base.missing` (no such id or commit), `base.format` (no safetensors), `base.outside`,
   *   `weights.index`; 3 `hub.offline`, `hub.refused`, `hub.unreachable`, `base.damaged`, `disk.full`, `disk.write`
   */
  fetch(base: HubBase, want: Want): Promise<BaseSnapshot> {
    const key = (one: Want) => `${base.id}@${base.revision} ${one}`;
    const known = this.#done.get(key("weights")) ?? this.#done.get(key(want));
    if (known) return known;
    const fetching = this.#fetch(base, want);
    this.#done.set(key(want), fetching);
    return fetching;
  }

  /** What the cache alone has; null where a file is missing there. */
  async cached(base: HubBase, want: Want): Promise<BaseSnapshot | null> {
    const cached = this.#cached(base);
    const found = await cached.look();
    const isThere = want === "weights" ? found.isWhole || (found.isUsable && this.#isOffline) : found.isReadable;
    return isThere ? cached.snapshot(found, new Map()) : null;
  }

  /** How many bytes a download would be. @throws {GituneError} as `fetch` */
  async missingBytes(base: HubBase): Promise<number> {
    if (this.#isOffline) throw this.#offline(base);
    const cached = this.#cached(base);
    const listed = await this.#list(base, this.#reader(base, SOME_ATTEMPTS));
    const there = (await cached.look()).files;
    const files = [
      ...chosen(listed, base).values(),
      ...(listed.has(WEIGHTS) ? [] : [...listed.values()].filter(isShard)),
    ];
    return bytesToCome(
      files.filter(({ name }) => !there.has(name)),
      cached,
    );
  }

  /** The command that brings a base here on a machine that reaches the Hub. */
  command({ id, revision }: Pick<HubBase, "id" | "revision">): string {
    return `hf download ${id} --revision ${revision}`;
  }

  async #fetch(base: HubBase, want: Want): Promise<BaseSnapshot> {
    const cached = this.#cached(base);
    const found = await cached.look();
    if (found.isWhole) return cached.snapshot(found, new Map());
    if (this.#isOffline) {
      if (found.isUsable) return cached.snapshot(found, new Map());
      throw this.#offline(base);
    }
    const reader = this.#reader(base, found.isUsable ? FEW_ATTEMPTS : undefined);
    let listed: ReadonlyMap<string, ListedFile>;
    try {
      listed = await this.#list(base, reader);
    } catch (error) {
      if (!found.isUsable || !isUnreachable(error)) throw error;
      this.#options.note(`The Hub does not answer, so ${base.id} is taken as the cache has it.`);
      return cached.snapshot(found, new Map());
    }
    const files = chosen(listed, base);
    await noteMissing(cached, listed);
    await this.#bring(
      [...files.values()].filter(({ name }) => !isWeights(name)),
      found,
      cached,
      reader,
      base,
    );
    const names = files.has(WEIGHTS) ? [WEIGHTS] : await shardNames(join(cached.dir, INDEX), base.id);
    const weights = names.map((name) => listed.get(name) ?? this.#lacks(base, name));
    // A file that LFS does not keep is small, and nobody says its sha256.
    const wanted = weights.filter(({ sha256 }) => want === "weights" || sha256 === null);
    await this.#bring(wanted, await cached.look(), cached, reader, base);
    const sha256 = weights.flatMap((file) => (file.sha256 === null ? [] : [[file.name, file.sha256] as const]));
    return cached.snapshot(await cached.look(), new Map(sha256));
  }

  async #list({ id, revision }: HubBase, reader: HubReader): Promise<ReadonlyMap<string, ListedFile>> {
    const key = `${id}@${revision}`;
    const listed = this.#listed.get(key) ?? (await reader.list());
    this.#listed.set(key, listed);
    return listed;
  }

  /** Downloads those that the snapshot does not have. */
  async #bring(
    files: readonly ListedFile[],
    found: Pick<Found, "files">,
    cached: CachedBase,
    reader: HubReader,
    base: HubBase,
  ): Promise<void> {
    const { note, onProgress } = this.#options;
    const wrong = files.find(({ name, blob }) => (found.files.get(name) ?? blob) !== blob);
    if (wrong) throw differs(join(cached.dir, wrong.name), wrong);
    const missing = files.filter(({ name }) => !found.files.has(name));
    if (missing.length === 0) return;
    const bytes = await bytesToCome(missing, cached);
    await this.#checkSpace(bytes, base);
    const total = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const count = `${missing.length} ${missing.length === 1 ? "file" : "files"}`;
    note(
      `Downloading ${count} of ${base.id} at ${base.revision.slice(0, 8)} from the Hub: ${megabytes(bytes)} MB, to ${this.folder}`,
    );
    let done = 0;
    for (const file of missing) {
      await reader.download(file, cached.blobs, (more) => {
        done += more;
        onProgress({ phase: "download", done: megabytes(done), total: megabytes(total), unit: "MB" });
      });
      await cached.link(file.name, file.blob);
    }
  }

  async #checkSpace(bytes: number, { about, id }: HubBase): Promise<void> {
    const freeBytes = await freeSpace(this.folder);
    if (freeBytes >= bytes + SPARE_BYTES) return;
    throw new GituneError(
      {
        code: "disk.full",
        severity: "error",
        ...about,
        pointer: "/train/base",
        message: `there is no space for ${id} in ${this.folder}`,
        expected: `${megabytes(bytes + SPARE_BYTES)} MB`,
        found: `${megabytes(freeBytes)} MB`,
        fix: "free some, or name a folder on another disk: HF_HOME=/path/to/folder",
      },
      { exitCode: 3 },
    );
  }

  #cached(base: HubBase): CachedBase {
    if (!isHubId(base.id)) {
      const message = `${JSON.stringify(base.id)} is no id of a model on the Hub`;
      throw missing(base, message, { expected: "<owner>/<name>", fix: "correct train.base" });
    }
    return new CachedBase(this.folder, base.id, base.revision);
  }

  #reader({ id, revision, about }: HubBase, attempts?: number): HubReader {
    const { env, signal, sleep = (ms, stop) => wait(ms, undefined, stop ? { signal: stop } : {}) } = this.#options;
    const endpoint = hubEndpoint(env);
    if (endpoint === null) {
      const issue = { code: "hub.refused", severity: "error", message: "HF_ENDPOINT is no https address" } as const;
      throw new GituneError({ ...issue, fix: "correct HF_ENDPOINT, or leave it out" }, { exitCode: 3 });
    }
    const token = env["HF_TOKEN"] || null;
    return new HubReader({ endpoint, token, id, revision, about, sleep, signal, ...(attempts ? { attempts } : {}) });
  }

  /** As huggingface_hub reads it. */
  get #isOffline(): boolean {
    return /^(1|on|yes|true)$/i.test(this.#options.env["HF_HUB_OFFLINE"] ?? "");
  }

  #offline({ id, revision, about }: HubBase): GituneError {
    return new GituneError(
      {
        code: "hub.offline",
        severity: "error",
        ...about,
        pointer: "/train/base",
        message: `${id} at ${revision.slice(0, 8)} is not in ${this.folder}, and HF_HUB_OFFLINE is set`,
        fix: `${this.command({ id, revision })} (where the Hub can be reached), or unset HF_HUB_OFFLINE`,
      },
      { exitCode: 3 },
    );
  }

  #lacks(base: HubBase, name: string): never {
    throw missing(base, `${base.id} has no ${name}, which its ${INDEX} names`, { fix: "give another commit or base" });
  }
}

/** What the engine reads of a commit, but for shards, whose names are in the index. @throws {GituneError} `base.format` */
function chosen(listed: ReadonlyMap<string, ListedFile>, base: HubBase): ReadonlyMap<string, ListedFile> {
  const weights = [WEIGHTS, INDEX].find((name) => listed.has(name));
  const lacking = [...NEEDED.filter((name) => !listed.has(name)), ...(weights === undefined ? [WEIGHTS] : [])];
  if (weights === undefined || lacking.length > 0) {
    throw new GituneError({
      code: "base.format",
      severity: "error",
      ...base.about,
      pointer: "/train/base",
      message: `${base.id} at ${base.revision.slice(0, 8)} has no ${lacking.join(" and no ")}`,
      expected: `${NEEDED.join(", ")}, and ${WEIGHTS} or ${INDEX}; pickled weights (.bin) are never read`,
      found: base.id,
      fix: "give a base that has them, or convert it with transformers' save_pretrained",
    });
  }
  const names: readonly string[] = [...NEEDED, ...OPTIONAL, weights];
  return new Map([...listed].filter(([name]) => names.includes(name)));
}

function isShard({ name }: ListedFile): boolean {
  return isWeights(name);
}

async function bytesToCome(files: readonly ListedFile[], { blobs }: CachedBase): Promise<number> {
  let bytes = 0;
  for (const { sizeBytes, blob } of files) bytes += sizeBytes - Math.min(await sizeLeft(join(blobs, blob)), sizeBytes);
  return bytes;
}

/** So that the next look at the cache needs no Hub. One that cannot be written is asked about each time. */
async function noteMissing(cached: CachedBase, listed: ReadonlyMap<string, ListedFile>): Promise<void> {
  for (const name of [...OPTIONAL, WEIGHTS, INDEX]) {
    if (listed.has(name)) continue;
    await cached.noteMissing(name).catch((error: unknown) => {
      if (!(error instanceof GituneError) || error.issues[0]?.code !== "disk.write") throw error;
    });
  }
}

/** Bytes free on the disk of a folder that need not be there yet. */
export async function freeSpace(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    return freeSpace(dirname(folder));
  }
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6);

function isUnreachable(error: unknown): boolean {
  return error instanceof GituneError && error.issues[0]?.code === "hub.unreachable";
}

function missing({ about, id }: HubBase, message: string, more: Pick<Issue, "expected" | "fix">): GituneError {
  return new GituneError({
    code: "base.missing",
    severity: "error",
    ...about,
    pointer: "/train/base",
    message,
    found: id,
    ...more,
  });
}

function differs(file: string, { blob }: ListedFile): GituneError {
  return new GituneError(
    {
      code: "base.damaged",
      severity: "error",
      file,
      message: `${file} leads to other content than the base's commit on the Hub has`,
      expected: blob,
      fix: "remove it, and run again: it is downloaded anew",
    },
    { exitCode: 3 },
  );
}
