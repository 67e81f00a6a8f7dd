import { closeSync, openSync, readSync } from "node:fs";
import { InternalError } from "@gitune/core";
import type { DType } from "../ir/dtype.js";
import type { WeightSource } from "../ir/node.js";
import { bf16ToF32, f16ToF32 } from "./dtype.js";

/** Node reads less than 2^31 bytes at once; an embedding of 128,000 words can have more. */
const MAX_READ_BYTES = 2 ** 30;

/** A frozen weight's values in f32, exact for every storage type, read from their place in the checkpoint. */
export function readWeight({ file, offset, length }: WeightSource, dtype: DType): Float32Array {
  const bytes = new Uint8Array(length);
  const fd = openSync(file, "r");
  try {
    for (let done = 0; done < length; ) {
      const read = readSync(fd, bytes, done, Math.min(length - done, MAX_READ_BYTES), offset + done);
      if (read === 0) throw new InternalError(`${file} ends before byte ${offset + length}`);
      done += read;
    }
  } finally {
    closeSync(fd);
  }
  const read = READ[dtype];
  if (!read) throw new InternalError(`a weight in ${file} is ${dtype}`);
  return read(bytes.buffer);
}

const READ: { readonly [K in DType]?: (bytes: ArrayBuffer) => Float32Array } = {
  f32: (bytes) => new Float32Array(bytes),
  bf16: (bytes) => bf16ToF32(new Uint16Array(bytes)),
  f16: (bytes) => f16ToF32(new Uint16Array(bytes)),
  i8: (bytes) => Float32Array.from(new Int8Array(bytes)),
};
