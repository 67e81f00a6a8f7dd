/**
 * Token ids of rows that were met before, so that a second run does not tokenize again. Ids depend on a row's content, the
 * tokenizer's files and the template, and on nothing else; the recipe's `max_length` and `overflow` are applied to them later.
 *
 * Layout: `<folder>/<tokenizer>/<random>.ids`, one file for what one run added: magic, sha256 of the rest, then records of
 * key (32 bytes), count (u32), ids (i32 each), labels (one byte each). Files are written at once or not at all and never
 * changed, so runs beside each other cannot harm one another; a damaged file is removed and its rows are tokenized again.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, GituneError, writeFileAtomic } from "@gitune/core";
import type { TokenizerFiles } from "../tokenizer/tokenizer.js";
import type { TokenizedRow } from "./encode-row.js";

/** Raised when rows are tokenized in another way than before: what was kept is then not met any more. */
const FORMAT = "gitune ids 1\n";
const EXTENSION = ".ids";
const HASH_BYTES = 32;
const HEAD_BYTES = FORMAT.length + HASH_BYTES;
/** 50 million tokens, five bytes each, over all tokenizers: more than fits beside a training. The oldest files go first. */
const MAX_BYTES = 256 * 1024 * 1024;
/** More files than this are written anew as one. */
const MAX_FILES = 16;

interface Place {
  readonly file: Buffer;
  readonly offset: number;
}

/** The kept ids of one tokenizer. */
export class TokenCache {
  readonly #folder: string;
  readonly #name: string;
  readonly #maxBytes: number;
  /** Files that were read. */
  #files: string[] = [];
  readonly #known = new Map<string, Place>();
  readonly #added = new Map<string, Buffer>();

  private constructor(folder: string, name: string, maxBytes: number) {
    this.#folder = folder;
    this.#name = name;
    this.#maxBytes = maxBytes;
  }

  /** @param folder made when something is kept; nothing is written before */
  static async open(folder: string, { place: _, ...files }: TokenizerFiles, maxBytes = MAX_BYTES): Promise<TokenCache> {
    const name = createHash("sha256").update(FORMAT).update(JSON.stringify(files)).digest("hex");
    const cache = new TokenCache(folder, name, maxBytes);
    await cache.#read();
    return cache;
  }

  /** @param content a row's, as canonical JSON */
  keyOf(content: string): string {
    return createHash("sha256").update(content).digest().toString("latin1");
  }

  get(key: string): TokenizedRow | null {
    const place = this.#known.get(key);
    return place ? decode(place) : null;
  }

  put(key: string, row: TokenizedRow): void {
    if (!this.#known.has(key)) this.#added.set(key, encode(key, row));
  }

  /** Writes what was added. A disk that is full costs time only: whatever else the run writes there will say so. */
  async save(): Promise<void> {
    if (this.#added.size === 0) return;
    const isCrowded = this.#files.length >= MAX_FILES;
    const kept = isCrowded ? [...this.#known.values()].map(recordOf) : [];
    const records = [...kept, ...this.#added.values()];
    const size = records.reduce((sum, { length }) => sum + length, HEAD_BYTES);
    if (size > this.#maxBytes) return;
    try {
      await this.#makeRoom(size);
      const hash = createHash("sha256");
      for (const record of records) hash.update(record);
      const path = join(this.#folder, this.#name, randomBytes(8).toString("hex") + EXTENSION);
      await writeFileAtomic(path, [FORMAT, hash.digest(), ...records]);
      if (isCrowded) for (const file of this.#files) await rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof GituneError)) throw error;
    }
  }

  async #read(): Promise<void> {
    for (const path of await listFiles(join(this.#folder, this.#name))) {
      const file = (await stat(path)).size <= this.#maxBytes ? await readFile(path) : Buffer.alloc(0);
      const places = index(file);
      if (places === null) {
        await rm(path, { force: true });
        continue;
      }
      this.#files.push(path);
      for (const [key, offset] of places) this.#known.set(key, { file, offset });
    }
  }

  /** Removes the oldest files of any tokenizer until so many bytes fit. */
  async #makeRoom(size: number): Promise<void> {
    const folders = await readdir(this.#folder).catch(emptyIfMissing);
    const files = [];
    for (const name of folders) {
      for (const path of await listFiles(join(this.#folder, name))) {
        const { size: bytes, mtimeMs } = await stat(path);
        files.push({ path, bytes, mtimeMs });
      }
    }
    files.sort((a, b) => a.mtimeMs - b.mtimeMs);
    let total = files.reduce((sum, { bytes }) => sum + bytes, size);
    for (const { path, bytes } of files) {
      if (total <= this.#maxBytes) return;
      await rm(path, { force: true });
      total -= bytes;
    }
  }
}

async function listFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(emptyIfMissing);
  return names.filter((name) => name.endsWith(EXTENSION)).map((name) => join(folder, name));
}

function emptyIfMissing(error: unknown): string[] {
  if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
  throw error;
}

/** Where each key's record starts; null for a file that is not whole. */
function index(file: Buffer): Map<string, number> | null {
  if (file.toString("latin1", 0, FORMAT.length) !== FORMAT) return null;
  const records = file.subarray(HEAD_BYTES);
  if (!createHash("sha256").update(records).digest().equals(file.subarray(FORMAT.length, HEAD_BYTES))) return null;
  const places = new Map<string, number>();
  for (let offset = HEAD_BYTES; offset < file.length; offset += sizeAt(file, offset))
    places.set(file.toString("latin1", offset, offset + HASH_BYTES), offset);
  return places;
}

const sizeAt = (file: Buffer, offset: number): number => HASH_BYTES + 4 + 5 * file.readUInt32LE(offset + HASH_BYTES);
const recordOf = ({ file, offset }: Place): Buffer => file.subarray(offset, offset + sizeAt(file, offset));

function encode(key: string, { ids, labelMask }: TokenizedRow): Buffer {
  const out = Buffer.alloc(HASH_BYTES + 4 + 5 * ids.length);
  out.write(key, "latin1");
  let at = out.writeUInt32LE(ids.length, HASH_BYTES);
  for (const id of ids) at = out.writeInt32LE(id, at);
  out.set(labelMask, at);
  return out;
}

function decode({ file, offset }: Place): TokenizedRow {
  const count = file.readUInt32LE(offset + HASH_BYTES);
  const start = offset + HASH_BYTES + 4;
  const ids = Int32Array.from({ length: count }, (_, i) => file.readInt32LE(start + 4 * i));
  return { ids, labelMask: Uint8Array.from(file.subarray(start + 4 * count, start + 5 * count)) };
}
