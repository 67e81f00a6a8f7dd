/**
 * Results under the hash of all that they depend on (contracts.md §7). An entry is there in full or not at all: it is
 * written under a temporary name, flushed, then renamed; it is checked before it is used. Many processes may write to
 * one store at once: the same key means the same result, so whoever comes first wins.
 *
 * Layout: `json/<key[0..2]>/<key>.json` · `folders/<key[0..2]>/<key>/{manifest.json,content/}` · `tmp/`
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { canonicalJson, sha256Hex } from "../hash.js";
import { type AtomicOptions, syncFolder, writeFileAtomic } from "../io/atomic.js";
import { errnoOf, writeError } from "../io/errno.js";
import { InternalError, type Issue } from "../issue.js";
import { buildManifest, parseManifest, verifyManifest } from "./manifest.js";

/** Temporary folders of killed runs are removed after a day: no run takes that long between two writes. */
const STALE_MS = 24 * 3600 * 1000;

export interface StoreOptions extends AtomicOptions {
  /** Hears of damaged entries; each is dropped and made anew. */
  readonly onIssue?: (issue: Issue) => void;
}

/** Finished results, each under its cache key; what is stored is checked before it is used. */
export class Store {
  readonly dir: string;
  private readonly options: StoreOptions;
  private swept: Promise<void> | undefined;

  /** @param dir made when something is put; nothing is written before */
  constructor(dir: string, options: StoreOptions = {}) {
    this.dir = dir;
    this.options = options;
  }

  /** @returns the value, or undefined where it is not there or was damaged */
  async getJson(key: string): Promise<unknown> {
    const path = this.path("json", key, ".json");
    const text = await readIfThere(path);
    if (text === null) return undefined;
    const entry = parseEntry(text);
    if (entry) return entry.value;
    await this.drop(path, key, "its checksum does not match");
    return undefined;
  }

  /**
   * Stores a value that JSON can hold.
   * @throws {GituneError} `disk.full` or `disk.write`, exit code 3; nothing is stored then
   */
  async putJson(key: string, value: unknown): Promise<void> {
    const text = canonicalJson(value);
    const entry = `{"sha256":"${sha256Hex(text)}","value":${text}}\n`;
    await writeFileAtomic(this.path("json", key, ".json"), [entry], this.options);
  }

  /** @returns the absolute path of the stored folder, every file checked; null where it is not there or was damaged */
  async getFolder(key: string): Promise<string | null> {
    const entry = this.path("folders", key, "");
    const text = await readIfThere(join(entry, "manifest.json"));
    const content = join(entry, "content");
    if (text === null) {
      if (await exists(entry)) await this.drop(entry, key, "it has no manifest");
      return null;
    }
    const manifest = parseManifest(text);
    const damage = manifest
      ? await verifyManifest(content, manifest).catch((error: unknown) => String(error))
      : "its manifest is broken";
    if (damage === null) return content;
    // A writer beside us may have replaced the entry while we read it; then there is nothing left to drop.
    await this.drop(entry, key, damage);
    return null;
  }

  /**
   * Stores what `write` leaves in an empty folder. Where `write` throws, or the disk is full, nothing is stored.
   * @returns the stored folder (that of another writer who was faster, which holds the same) and `write`'s value
   * @throws {GituneError} `disk.full` or `disk.write`, exit code 3; else whatever `write` throws
   */
  async putFolder<T>(key: string, write: (folder: string) => Promise<T>): Promise<{ dir: string; value: T }> {
    const entry = this.path("folders", key, "");
    const temporary = join(this.dir, "tmp", `${key}.${process.pid}.${randomBytes(4).toString("hex")}`);
    const content = join(temporary, "content");
    try {
      await this.sweep();
      await mkdir(content, { recursive: true });
      const value = await write(content);
      const manifest = await buildManifest(content);
      await flush(content);
      await writeFileAtomic(join(temporary, "manifest.json"), [`${JSON.stringify(manifest)}\n`], this.options);
      await mkdir(dirname(entry), { recursive: true });
      await this.moveInto(temporary, entry, key);
      return { dir: join(entry, "content"), value };
    } catch (cause) {
      throw writeError(entry, cause);
    } finally {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  private async moveInto(temporary: string, entry: string, key: string): Promise<void> {
    // Twice: the first try may meet a damaged entry, which getFolder drops.
    for (let attempt = 0; ; attempt += 1) {
      try {
        await rename(temporary, entry);
        await syncFolder(dirname(entry));
        return;
      } catch (cause) {
        const isTaken = ["ENOTEMPTY", "EEXIST", "EPERM"].includes(errnoOf(cause) ?? "");
        if (!isTaken || attempt >= 2) throw cause;
        if ((await this.getFolder(key)) !== null) return;
      }
    }
  }

  private path(kind: "json" | "folders", key: string, extension: string): string {
    if (!/^[0-9a-f]{64}$/.test(key)) throw new InternalError(`${JSON.stringify(key)} is no key of the store`);
    return join(this.dir, kind, key.slice(0, 2), key + extension);
  }

  /** Away under another name first: a rename is atomic, so nobody meets an entry that is half removed. */
  private async drop(path: string, key: string, reason: string): Promise<void> {
    const away = join(this.dir, "tmp", `damaged.${key}.${process.pid}.${randomBytes(4).toString("hex")}`);
    await mkdir(dirname(away), { recursive: true });
    const isMine = await rename(path, away).then(
      () => true,
      () => false,
    );
    await rm(away, { recursive: true, force: true });
    if (!isMine) return;
    this.options.onIssue?.({
      code: "store.damaged",
      severity: "warning",
      message: `the stored result ${key.slice(0, 12)} was damaged (${reason}), so it was dropped`,
      fix: "nothing to do: it is made again when it is needed",
    });
  }

  /** Removes what killed runs left behind. Once an instance. */
  private sweep(): Promise<void> {
    this.swept ??= (async () => {
      const tmp = join(this.dir, "tmp");
      for (const name of await readdir(tmp).catch(() => [])) {
        const path = join(tmp, name);
        const made = await stat(path).catch(() => null);
        if (made && Date.now() - made.mtimeMs > STALE_MS)
          await rm(path, { recursive: true, force: true }).catch(() => undefined);
      }
    })();
    return this.swept;
  }
}

/** @returns undefined where the text is no entry, or its checksum does not match */
function parseEntry(text: string): { readonly value: unknown } | undefined {
  try {
    const entry = JSON.parse(text) as { sha256?: unknown; value?: unknown } | null;
    if (!entry || typeof entry !== "object" || !("value" in entry)) return undefined;
    return entry.sha256 === sha256Hex(canonicalJson(entry.value)) ? { value: entry.value } : undefined;
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Flushes every file and folder, so that a renamed entry is whole even after a power cut. */
async function flush(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await flush(path);
      continue;
    }
    const handle = await open(path, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await syncFolder(folder);
}
