/**
 * Reads the head of a GGUF file, version 2 or 3: metadata and the places of the tensors. A file is untrusted: each count,
 * length, dimension and offset is checked against the file's size and against a limit before anything is made from it.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { errnoOf } from "@gitune/core";
import { ByteCursor } from "./byte-cursor.js";
import { GGML_TYPES, type GgmlType, isGgmlType, typeName } from "./ggml-types.js";
import { ggufError, shown } from "./gguf-error.js";
import type { GgufFile, GgufNumbers, GgufTensor, GgufValue } from "./gguf-file.js";

/** Metadata and tensor infos: a vocabulary of 262,144 tokens with its merges takes 15 MB. */
const MAX_HEAD_BYTES = 128 * 1024 * 1024;
/** Real files have 20-60 keys. */
const MAX_KEYS = 65_536;
/** Mixtures of 128 experts have about 20,000 where each expert is a tensor of its own. */
const MAX_TENSORS = 65_536;
/** The format's own limit. */
const MAX_KEY_BYTES = 65_535;
/** The format's own limit (GGML_MAX_NAME). */
const MAX_NAME_BYTES = 64;
/** The longest text in use is a chat template, 20 kB. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** The longest list in use is that of merges: 500,000. */
const MAX_ITEMS = 4 * 1024 * 1024;
/** ggml's own limit (GGML_MAX_DIMS). */
const MAX_DIMS = 4;
/** The default is 32; larger ones are for pages and huge pages. */
const MAX_ALIGNMENT = 2 * 1024 * 1024;
const DEFAULT_ALIGNMENT = 32;

/** Whether a path names a GGUF file. */
export function isGgufName(path: string): boolean {
  return path.endsWith(".gguf");
}

/**
 * @param path of a file
 * @param name how messages call it
 * @throws {GituneError} (exit code 2) `weights.gguf` for a file that is none or lies, `base.format` for a version or a byte
 *   order that is not read, `weights.dtype` for a tensor type that is not read, `weights.missing` where it cannot be opened
 */
export function readGguf(path: string, name = path): GgufFile {
  const fd = openFile(path, name);
  try {
    const fileBytes = fstatSync(fd).size;
    const isCut = fileBytes <= MAX_HEAD_BYTES;
    const cursor = new ByteCursor(fd, Math.min(fileBytes, MAX_HEAD_BYTES), (what) => {
      const why = isCut ? "the file ends" : `the head passes ${MAX_HEAD_BYTES} bytes`;
      throw ggufError(name, `${why} inside of ${what}`, { fix: "download the file again, and compare its checksum" });
    });
    return { path, shown: name, ...new HeadReader(cursor, name, fileBytes).read() };
  } finally {
    closeSync(fd);
  }
}

function openFile(path: string, name: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw ggufError(name, `${name} cannot be read: ${errnoOf(cause) ?? String(cause)}`, { code: "weights.missing" });
  }
}

class HeadReader {
  private readonly cursor: ByteCursor;
  private readonly name: string;
  private readonly fileBytes: number;
  private readonly utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(cursor: ByteCursor, name: string, fileBytes: number) {
    this.cursor = cursor;
    this.name = name;
    this.fileBytes = fileBytes;
  }

  read(): Pick<GgufFile, "version" | "metadata" | "tensors"> {
    const magic = this.cursor.take(4, "its first four bytes");
    if (String.fromCharCode(...magic) !== "GGUF") {
      throw ggufError(this.name, "it is no GGUF file", {
        expected: "GGUF as its first four bytes",
        fix: "download it again; where git holds a Git LFS pointer in its place: git lfs pull",
      });
    }
    const version = this.version();
    const tensorCount = this.count("tensors", MAX_TENSORS);
    const keyCount = this.count("metadata keys", MAX_KEYS);
    const metadata = this.metadata(keyCount);
    const alignment = this.alignment(metadata);
    return { version, metadata, tensors: this.tensors(tensorCount, alignment) };
  }

  private version(): number {
    const version = this.cursor.u32("its version");
    if (version === 2 || version === 3) return version;
    const isSwapped = version > 0xffff && (version & 0xffff) === 0;
    throw ggufError(this.name, isSwapped ? "it is big-endian" : `its format version ${version} is not read`, {
      code: "base.format",
      expected: "a little-endian file of version 2 or 3",
      found: isSwapped ? "a big-endian file" : String(version),
      fix: "convert the model with a current llama.cpp",
    });
  }

  private count(what: string, limit: number): number {
    const count = this.cursor.u64(`the number of ${what}`);
    if (count > BigInt(limit)) {
      throw ggufError(this.name, `it claims ${count} ${what}`, { expected: `at most ${limit}`, found: String(count) });
    }
    return Number(count);
  }

  private metadata(count: number): Map<string, GgufValue> {
    const metadata = new Map<string, GgufValue>();
    for (let index = 0; index < count; index++) {
      const key = this.text(`metadata key ${index + 1} of ${count}`, MAX_KEY_BYTES);
      if (metadata.has(key)) throw ggufError(this.name, `the metadata key ${shown(key)} is there twice`, { at: key });
      const type = this.cursor.u32(`the type of ${shown(key)}`);
      metadata.set(key, type === ARRAY ? this.array(key) : this.scalar(key, type));
    }
    return metadata;
  }

  private scalar(key: string, type: number): GgufValue {
    if (type === STRING) return this.text(`the value of ${shown(key)}`, MAX_TEXT_BYTES);
    const read = SCALARS[type];
    if (!read) throw ggufError(this.name, `${shown(key)} has the unknown value type ${type}`, { at: key });
    const value = read(this.cursor, shown(key));
    if (typeof value !== "bigint") return value;
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  private array(key: string): GgufNumbers | readonly string[] {
    const what = `the list ${shown(key)}`;
    const type = this.cursor.u32(what);
    const claimed = this.cursor.u64(what);
    if (claimed > BigInt(MAX_ITEMS)) {
      const found = String(claimed);
      throw ggufError(this.name, `${what} claims ${claimed} items`, {
        at: key,
        expected: `at most ${MAX_ITEMS}`,
        found,
      });
    }
    const count = Number(claimed);
    if (type === STRING) return this.texts(key, count);
    const Numbers = NUMBER_ARRAYS[type];
    if (!Numbers) {
      throw ggufError(this.name, `${what} has items of the type ${type}, which is not read`, {
        at: key,
        expected: "numbers or texts",
      });
    }
    const bytes = this.cursor.copy(count * Numbers.BYTES_PER_ELEMENT, what);
    return new Numbers(bytes.buffer);
  }

  private texts(key: string, count: number): string[] {
    const what = `the list ${shown(key)}`;
    // Each has eight bytes of length at least: a count that the file cannot hold makes no array.
    if (count * 8 > this.cursor.remaining)
      throw ggufError(this.name, `${what} claims more items than fit`, { at: key });
    const texts: string[] = [];
    for (let index = 0; index < count; index++) texts.push(this.text(what, MAX_TEXT_BYTES));
    return texts;
  }

  private text(what: string, limit: number): string {
    const length = this.cursor.u64(what);
    if (length > BigInt(limit)) {
      throw ggufError(this.name, `${what} claims ${length} bytes`, {
        expected: `at most ${limit}`,
        found: String(length),
      });
    }
    try {
      return this.utf8.decode(this.cursor.take(Number(length), what));
    } catch (cause) {
      if (cause instanceof TypeError) throw ggufError(this.name, `${what} is not UTF-8`);
      throw cause;
    }
  }

  private alignment(metadata: ReadonlyMap<string, GgufValue>): number {
    const key = "general.alignment";
    const value = metadata.get(key) ?? DEFAULT_ALIGNMENT;
    const isPower = typeof value === "number" && value >= 1 && value <= MAX_ALIGNMENT && (value & (value - 1)) === 0;
    if (!isPower) {
      throw ggufError(this.name, `${key} is not usable`, { at: key, expected: "a power of two", found: String(value) });
    }
    return value;
  }

  private tensors(count: number, alignment: number): Map<string, GgufTensor> {
    const infos = new Map<string, GgufTensor>();
    for (let index = 0; index < count; index++) {
      const name = this.text(`the name of tensor ${index + 1} of ${count}`, MAX_NAME_BYTES);
      if (infos.has(name)) throw ggufError(this.name, `two tensors are named ${shown(name)}`, { at: name });
      infos.set(name, this.tensorInfo(name, alignment));
    }
    const dataStart = Math.ceil(this.cursor.position / alignment) * alignment;
    const tensors = [...infos]
      .map(([name, info]): [string, GgufTensor] => [name, { ...info, offset: dataStart + info.offset }])
      .sort(([, a], [, b]) => a.offset - b.offset);
    let end = dataStart;
    for (const [name, { offset, length }] of tensors) {
      if (offset < end) throw ggufError(this.name, `tensor ${shown(name)} overlaps the one before it`, { at: name });
      end = offset + length;
      if (end > this.fileBytes) {
        throw ggufError(this.name, `tensor ${shown(name)} ends past the file's end`, {
          at: name,
          expected: `${end} bytes or more`,
          found: `${this.fileBytes} bytes`,
          fix: "download the file again, and compare its checksum",
        });
      }
    }
    return new Map(tensors);
  }

  /** Its offset still counts from the data's start. */
  private tensorInfo(name: string, alignment: number): GgufTensor {
    const what = `tensor ${shown(name)}`;
    const dims = this.cursor.u32(what);
    if (dims < 1 || dims > MAX_DIMS) {
      throw ggufError(this.name, `${what} has ${dims} dimensions`, { at: name, expected: `1 to ${MAX_DIMS}` });
    }
    const sizes = Array.from({ length: dims }, () => Number(this.cursor.u64(what)));
    const type = this.tensorType(name);
    const offset = Number(this.cursor.u64(what));
    const { blockElements, blockBytes } = GGML_TYPES[type];
    const elements = sizes.reduce((product, size) => product * size, 1);
    const length = (elements / blockElements) * blockBytes;
    // Past 2^53 a product is not exact, but then it is far past any file's size, too.
    if (sizes.some((size) => size < 1) || !(length <= this.fileBytes)) {
      throw ggufError(this.name, `${what} has a shape that the file cannot hold`, {
        at: name,
        found: sizes.join(" x "),
      });
    }
    if (sizes[0]! % blockElements !== 0) {
      throw ggufError(this.name, `${what}: a row of ${sizes[0]} is no whole number of ${type} blocks`, { at: name });
    }
    if (offset % alignment !== 0 || offset > this.fileBytes) {
      throw ggufError(this.name, `${what} has the offset ${offset}`, {
        at: name,
        expected: `a multiple of ${alignment} inside of the file`,
      });
    }
    return { type, shape: sizes.reverse(), offset, length };
  }

  private tensorType(name: string): GgmlType {
    const id = this.cursor.u32(`tensor ${shown(name)}`);
    const type = typeName(id);
    if (isGgmlType(type)) return type;
    throw ggufError(this.name, `tensor ${shown(name)} is stored as ${type}, which is not read`, {
      code: "weights.dtype",
      at: name,
      expected: Object.keys(GGML_TYPES).join(", "),
      found: type,
      fix: "take the model in another quantization, e.g. Q8_0 or Q4_K_M",
    });
  }
}

const STRING = 8;
const ARRAY = 9;

/** Readers by value type (`gguf_metadata_value_type`). */
const SCALARS: Readonly<Record<number, (cursor: ByteCursor, what: string) => number | bigint | boolean>> = {
  0: (cursor, what) => cursor.u8(what),
  1: (cursor, what) => cursor.i8(what),
  2: (cursor, what) => cursor.u16(what),
  3: (cursor, what) => cursor.i16(what),
  4: (cursor, what) => cursor.u32(what),
  5: (cursor, what) => cursor.i32(what),
  6: (cursor, what) => cursor.f32(what),
  7: (cursor, what) => cursor.u8(what) !== 0,
  10: (cursor, what) => cursor.u64(what),
  11: (cursor, what) => cursor.i64(what),
  12: (cursor, what) => cursor.f64(what),
};

/** Lists of numbers by value type; booleans are bytes. */
const NUMBER_ARRAYS: Readonly<
  Record<number, { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): GgufNumbers }>
> = {
  0: Uint8Array,
  1: Int8Array,
  2: Uint16Array,
  3: Int16Array,
  4: Uint32Array,
  5: Int32Array,
  6: Float32Array,
  7: Uint8Array,
  10: BigUint64Array,
  11: BigInt64Array,
  12: Float64Array,
};
