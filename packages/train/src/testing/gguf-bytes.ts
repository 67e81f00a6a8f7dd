/** Writes GGUF files for tests, well-formed ones and ones that lie. */

/** A metadata value with its type's number; `bytes` stand for themselves. */
export type RawValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly flag: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly i32s: readonly number[] }
  | { readonly f32s: readonly number[] }
  | { readonly bytes: Uint8Array };

/** A tensor; what is left out follows from the rest. */
export interface RawTensor {
  readonly name: string;
  /** In the file's order: the row's length first. */
  readonly dims: readonly (number | bigint)[];
  /** Number in `enum ggml_type`; F32 by default. */
  readonly type?: number;
  readonly offset?: number;
  readonly data?: Uint8Array;
}

/** What to write; counts and version may lie. */
export interface RawGguf {
  readonly version?: number;
  readonly keys?: readonly (readonly [string, RawValue])[];
  readonly tensors?: readonly RawTensor[];
  readonly keyCount?: bigint;
  readonly tensorCount?: bigint;
}

const ALIGNMENT = 32;

/** The file's bytes. */
export function ggufBytes({ version = 3, keys = [], tensors = [], keyCount, tensorCount }: RawGguf): Buffer {
  const data: Uint8Array[] = [];
  let end = 0;
  const infos = tensors.map(({ name, dims, type = 0, offset, data: bytes }) => {
    const size = bytes ?? new Uint8Array(4 * dims.reduce<number>((product, dim) => product * Number(dim), 1));
    const info = [
      text(name),
      u32(dims.length),
      ...dims.map((dim) => u64(BigInt(dim))),
      u32(type),
      u64(BigInt(offset ?? end)),
    ];
    const padded = Math.ceil(size.length / ALIGNMENT) * ALIGNMENT;
    data.push(size, new Uint8Array(padded - size.length));
    end += padded;
    return Buffer.concat(info);
  });
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    u32(version),
    u64(tensorCount ?? BigInt(tensors.length)),
    u64(keyCount ?? BigInt(keys.length)),
    ...keys.flatMap(([key, value]) => [text(key), rawValue(value)]),
    ...infos,
  ]);
  const padding = Buffer.alloc(Math.ceil(head.length / ALIGNMENT) * ALIGNMENT - head.length);
  return Buffer.concat([head, padding, ...data]);
}

function rawValue(value: RawValue): Buffer {
  if ("u32" in value) return Buffer.concat([u32(4), u32(value.u32)]);
  if ("f32" in value) return Buffer.concat([u32(6), f32(value.f32)]);
  if ("flag" in value) return Buffer.concat([u32(7), Buffer.of(value.flag ? 1 : 0)]);
  if ("text" in value) return Buffer.concat([u32(8), text(value.text)]);
  if ("texts" in value) return list(8, value.texts.map(text));
  if ("i32s" in value) return list(5, value.i32s.map(i32));
  if ("f32s" in value) return list(6, value.f32s.map(f32));
  return Buffer.from(value.bytes);
}

const list = (type: number, items: readonly Buffer[]): Buffer =>
  Buffer.concat([u32(9), u32(type), u64(BigInt(items.length)), ...items]);

/** Four bytes. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Eight bytes. */
export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(BigInt(bytes.length)), bytes]);
}
