import { closeSync, openSync, readSync } from "node:fs";
import { InternalError } from "@gitune/core";
import type { DType } from "../ir/dtype.js";
import type { WeightSource } from "../ir/node.js";

/** A frozen weight's values, read from its place in the checkpoint. */
export function readWeight({ file, offset, length }: WeightSource, dtype: DType): Float32Array {
  const bytes = new Uint8Array(length);
  const fd = openSync(file, "r");
  try {
    for (let done = 0; done < length; ) {
      const read = readSync(fd, bytes, done, length - done, offset + done);
      if (read === 0) throw new InternalError(`${file} ends before byte ${offset + length}`);
      done += read;
    }
  } finally {
    closeSync(fd);
  }
  if (dtype === "f32") return new Float32Array(bytes.buffer);
  // bf16 is the upper half of an f32.
  if (dtype === "bf16")
    return new Float32Array(Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16).buffer);
  throw new InternalError(`the reference backend does not read ${dtype} weights`);
}
