/**
 * Reads and writes the safetensors format: u64 header length, JSON header, raw little-endian data.
 * What the reference library refuses is refused here too, with the reason.
 * @see https://github.com/huggingface/safetensors (safetensors/src/tensor.rs: `read_metadata`, `validate`, `prepare`)
 */
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { isAbsolute, join, resolve, sep } from "node:path";
import { errnoOf, GituneError, InternalError, writeFileAtomic } from "@gitune/core";
import { sizeOf } from "../ir/shape.js";
import { bf16ToF32, DTYPE_BITS, f16ToF32, f32ToBf16, isSafetensorsDtype, type SafetensorsDtype } from "./dtype.js";

/** The reference library's own limit; a 1,000-layer model's header is under 1 MB. */
const MAX_HEADER_BYTES = 100_000_000;
/** An index names each tensor once, in ~100 bytes: room for 600,000 tensors. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
/** Tensors of real models have at most 5 dimensions. */
const MAX_DIMS = 16;
/** read(2) returns at most 2^31 - 1 bytes a call. */
const MAX_READ_BYTES = 1024 * 1024 * 1024;

/** Where a tensor's data stands. */
export interface TensorEntry {
  /** Path of the safetensors file, as given or joined to the folder given. */
  readonly file: string;
  /** Of the data's first byte, from the file's start. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** A checked header. */
export interface SafetensorsHeader {
  readonly file: string;
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of the whole file. */
  readonly fileBytes: number;
}

/** A tensor to write. */
export interface TensorData {
  readonly name: string;
  readonly shape: readonly number[];
  /** Product of `shape` values. */
  readonly data: Float32Array;
  /** How it is stored; F32 by default. BF16 rounds to nearest even, I8 takes whole numbers in -128..127. */
  readonly dtype?: "F32" | "BF16" | "I8";
}

/** What the header says of a tensor to write. */
export type TensorHead = Omit<TensorData, "data">;

/**
 * Reads and checks a file's header; no tensor data is read.
 * Checked: header length, JSON, dtypes, shapes times dtype size against offsets, no hole, no overlap, nothing past the end.
 * @throws {GituneError} `weights.safetensors` (exit code 2) with what is wrong
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const handle = await openForReading(path);
  try {
    const { size } = await handle.stat();
    if (size < 8) throw broken(path, "the file is shorter than its 8-byte header length", `${size} bytes`);
    const lengthBytes = await readAt(handle, path, 0, 8);
    const headerBytes = new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getBigUint64(0, true);
    if (headerBytes > BigInt(MAX_HEADER_BYTES)) {
      throw broken(path, `the header claims ${headerBytes} bytes; the limit is ${MAX_HEADER_BYTES}`);
    }
    const length = Number(headerBytes);
    if (8 + length > size)
      throw broken(path, `the header claims ${length} bytes, the file has ${size - 8} after its length`);
    const text = decodeUtf8(path, await readAt(handle, path, 8, length));
    return { file: path, fileBytes: size, ...checkHeader(path, text, 8 + length, size) };
  } finally {
    await handle.close();
  }
}

function checkHeader(
  path: string,
  text: string,
  dataStart: number,
  fileBytes: number,
): { tensors: Map<string, TensorEntry>; metadata: Record<string, string> } {
  if (!text.startsWith("{")) throw broken(path, 'the header does not start with "{"');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw broken(path, "the header is not JSON", undefined, cause);
  }
  if (!isRecord(header)) throw broken(path, "the header is not an object");

  const metadata: Record<string, string> = {};
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isRecord(value)) throw broken(path, "__metadata__ is not an object");
      for (const [key, word] of Object.entries(value)) {
        if (typeof word !== "string") throw broken(path, `__metadata__ ${JSON.stringify(key)} is not a string`);
        metadata[key] = word;
      }
    } else {
      entries.push([name, checkEntry(path, name, value, dataStart)]);
    }
  }
  entries.sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);

  let end = dataStart;
  for (const [name, entry] of entries) {
    if (entry.offset !== end) {
      const what = entry.offset < end ? "overlaps the tensor before it" : "leaves a hole before it";
      throw broken(path, `tensor ${JSON.stringify(name)} ${what}`, `starts at data byte ${entry.offset - dataStart}`);
    }
    end += entry.length;
  }
  if (end !== fileBytes) {
    throw broken(
      path,
      `the tensors end at byte ${end}, the file at ${fileBytes}`,
      end > fileBytes ? "a cut file" : "extra bytes",
    );
  }
  return { tensors: new Map(entries), metadata };
}

function checkEntry(path: string, name: string, value: unknown, dataStart: number): TensorEntry {
  const quoted = JSON.stringify(name);
  if (!isRecord(value)) throw broken(path, `tensor ${quoted} is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSafetensorsDtype(dtype)) throw broken(path, `tensor ${quoted} has an unknown dtype`, JSON.stringify(dtype));
  if (!Array.isArray(shape) || shape.length > MAX_DIMS || !shape.every(isCount)) {
    throw broken(path, `tensor ${quoted} has a bad shape`, JSON.stringify(shape));
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw broken(path, `tensor ${quoted} has bad data_offsets`, JSON.stringify(offsets));
  }
  const [begin, end] = offsets as [number, number];
  const elements = (shape as number[]).reduce((product, dim) => product * dim, 1);
  const bits = elements * DTYPE_BITS[dtype];
  if (!Number.isSafeInteger(bits) || bits % 8 !== 0 || end - begin !== bits / 8) {
    throw broken(
      path,
      `tensor ${quoted}: ${dtype} [${shape.join(", ")}] takes ${bits / 8} bytes, its offsets give ${end - begin}`,
    );
  }
  return { file: path, offset: dataStart + begin, length: end - begin, dtype, shape: shape as number[] };
}

/**
 * Reads one tensor of a file as f32.
 * @throws {GituneError} `weights.missing` when the file has no such tensor, `weights.dtype` when it is not F32, F16 or BF16
 */
export async function readTensor(path: string, name: string): Promise<Float32Array> {
  const { tensors } = await readSafetensorsHeader(path);
  const entry = tensors.get(name);
  if (entry === undefined) throw missing(path, name);
  return readTensorEntry(entry, name);
}

/**
 * Reads a tensor whose place is known as f32, flat, in row-major order.
 * @param name only for the error's text
 * @throws {GituneError} `weights.dtype` when it is not F32, F16 or BF16
 */
export async function readTensorEntry(entry: TensorEntry, name = ""): Promise<Float32Array> {
  const { file, offset, length, dtype } = entry;
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") {
    throw new GituneError({
      code: "weights.dtype",
      severity: "error",
      file,
      message: `tensor ${JSON.stringify(name)} is stored as ${dtype}, which the engine cannot compute with`,
      expected: "F32, F16 or BF16",
      found: dtype,
    });
  }
  const handle = await openForReading(file);
  try {
    const bytes = await readAt(handle, file, offset, length);
    if (dtype === "F32") return new Float32Array(bytes.buffer, 0, length / 4);
    const halves = new Uint16Array(bytes.buffer, 0, length / 2);
    return dtype === "BF16" ? bf16ToF32(halves) : f16ToF32(halves);
  } finally {
    await handle.close();
  }
}

/**
 * The tensors of a Hugging Face model folder: `model.safetensors`, or the shards of `model.safetensors.index.json`.
 * Shard names may not leave the folder.
 * @returns name -> place
 * @throws {GituneError} `weights.missing` when there is neither file, `weights.index` when the index lies, `weights.safetensors`
 */
export async function openSafetensors(folder: string): Promise<Map<string, TensorEntry>> {
  const single = join(folder, "model.safetensors");
  if (await exists(single)) return new Map((await readSafetensorsHeader(single)).tensors);

  const indexPath = join(folder, "model.safetensors.index.json");
  if (!(await exists(indexPath))) {
    throw new GituneError({
      code: "weights.missing",
      severity: "error",
      file: folder,
      message: `${folder} has no weights`,
      expected: "model.safetensors, or model.safetensors.index.json and its shards",
      fix: "give a model folder in safetensors format; .bin checkpoints can be converted with transformers' save_pretrained",
    });
  }
  const weightMap = await readShardNames(indexPath);
  const shards = new Map<string, SafetensorsHeader>();
  const tensors = new Map<string, TensorEntry>();
  for (const [name, shard] of Object.entries(weightMap)) {
    let header = shards.get(shard);
    if (header === undefined) {
      header = await readSafetensorsHeader(shardPath(folder, indexPath, shard));
      shards.set(shard, header);
    }
    const entry = header.tensors.get(name);
    if (entry === undefined) throw indexError(indexPath, `tensor ${JSON.stringify(name)} is not in ${shard}`);
    tensors.set(name, entry);
  }
  return tensors;
}

/**
 * Which file each tensor is in, from `model.safetensors.index.json`; the files need not be there.
 * @throws {GituneError} `weights.index`
 */
export async function readShardNames(indexPath: string): Promise<Readonly<Record<string, string>>> {
  const { size } = await stat(indexPath);
  if (size > MAX_INDEX_BYTES)
    throw indexError(indexPath, `the index has ${size} bytes; the limit is ${MAX_INDEX_BYTES}`);
  let index: unknown;
  try {
    index = JSON.parse(await readFile(indexPath, "utf8"));
  } catch (cause) {
    throw indexError(indexPath, "the index is not JSON", cause);
  }
  const weightMap = isRecord(index) ? index["weight_map"] : undefined;
  if (!isRecord(weightMap) || !Object.values(weightMap).every((shard) => typeof shard === "string")) {
    throw indexError(indexPath, "the index has no weight_map of tensor names to file names");
  }
  return weightMap as Record<string, string>;
}

/** The name is checked as text: a model folder of the Hub's cache is full of links to blobs elsewhere, and that is fine. */
function shardPath(folder: string, indexPath: string, shard: string): string {
  const path = resolve(folder, shard);
  const isInside = path.startsWith(resolve(folder) + sep);
  if (!isInside || isAbsolute(shard) || /[\\\0]/.test(shard)) {
    throw indexError(indexPath, `shard name ${JSON.stringify(shard)} leaves the model's folder`);
  }
  return join(folder, shard);
}

/**
 * Writes tensors as one file, byte for byte as the reference library lays them out: F32 before BF16, then by name
 * (bytes); header padded with spaces to 8 bytes. The same input gives the same bytes; the file appears at once or not.
 * @param metadata keys are written in sorted order (the library's own order is random from two keys on)
 * @throws {GituneError} `disk.full` or `disk.write` (exit code 3)
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** The file's bytes, in pieces: head, then each tensor. */
export function* encodeSafetensors(
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array> {
  for (const { name, shape, data } of tensors) {
    if (sizeOf(shape) !== data.length) {
      throw new InternalError(`cannot write tensor ${name}: shape [${shape.join(", ")}], ${data.length} values`);
    }
  }
  const { head, order } = safetensorsHead(tensors, metadata);
  yield head;
  for (const { data, dtype } of order) {
    const stored = dtype === "BF16" ? f32ToBf16(data) : dtype === "I8" ? Int8Array.from(data) : data;
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}

/** The bytes before the data, and the tensors in the order of the data. */
export function safetensorsHead<T extends TensorHead>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>> = {},
): { head: Uint8Array; order: T[] } {
  const order = [...tensors].sort(
    (a, b) => dtypeRank(a) - dtypeRank(b) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const header = new Map<string, unknown>();
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) header.set("__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]])));
  let end = 0;
  for (const { name, shape, dtype = "F32" } of order) {
    if (name === "__metadata__" || header.has(name)) throw new InternalError(`cannot write two tensors named ${name}`);
    const begin = end;
    end += sizeOf(shape) * (DTYPE_BITS[dtype] / 8);
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  // Not an object: an object would move integer-like names to the front.
  const json = `{${[...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
  const text = Buffer.from(json);
  const padded = Math.ceil(text.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, " ");
  head.writeBigUInt64LE(BigInt(padded));
  text.copy(head, 8);
  return { head, order };
}

/** Wider types first, so that every tensor is aligned to its own type. */
const dtypeRank = ({ dtype = "F32" }: TensorHead): number => -DTYPE_BITS[dtype];

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    const errno = errnoOf(cause);
    const message = errno === "ENOENT" ? `${path} does not exist` : `cannot read ${path}: ${errno ?? String(cause)}`;
    throw new GituneError({ code: "weights.missing", severity: "error", file: path, message }, { cause });
  }
}

async function readAt(
  handle: FileHandle,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(MAX_READ_BYTES, length - done), offset + done);
    if (bytesRead === 0) throw broken(path, `the file ended at byte ${offset + done} while it was being read`);
    done += bytesRead;
  }
  return bytes;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") return false;
    throw cause;
  }
}

function decodeUtf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw broken(path, "the header is not UTF-8", undefined, cause);
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(file: string, what: string, found?: string, cause?: unknown): GituneError {
  return new GituneError(
    {
      code: "weights.safetensors",
      severity: "error",
      file,
      message: `${file} is not a valid safetensors file: ${what}`,
      ...(found === undefined ? {} : { found }),
      fix: "download or export the weights again",
    },
    { cause },
  );
}

function indexError(file: string, what: string, cause?: unknown): GituneError {
  return new GituneError({ code: "weights.index", severity: "error", file, message: `${file}: ${what}` }, { cause });
}

function missing(file: string, name: string): GituneError {
  return new GituneError({
    code: "weights.missing",
    severity: "error",
    file,
    message: `${file} has no tensor ${JSON.stringify(name)}`,
  });
}
