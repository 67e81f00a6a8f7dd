/** Values of one frozen weight, for backends that cannot map the file themselves. Synchronous: they run in a worker. */
import { closeSync, openSync, readSync } from "node:fs";
import { GituneError, InternalError } from "@gitune/core";
import { bf16ToF32, f16ToF32 } from "./dtype.js";

/** read(2) returns at most 2^31 - 1 bytes a call. */
const MAX_READ_BYTES = 1024 * 1024 * 1024;

/**
 * Reads `length` bytes at `offset` of a checkpoint file as f32, row-major.
 * @throws {GituneError} `weights.safetensors` when the file is shorter than its header said
 */
export function readWeight(
  source: { readonly file: string; readonly offset: number; readonly length: number },
  dtype: string,
): Float32Array {
  const bytes = new Uint8Array(source.length);
  const descriptor = openSync(source.file, "r");
  try {
    let done = 0;
    while (done < bytes.length) {
      const wanted = Math.min(MAX_READ_BYTES, bytes.length - done);
      const count = readSync(descriptor, bytes, done, wanted, source.offset + done);
      if (count === 0) throw cutFile(source.file, source.offset + done);
      done += count;
    }
  } finally {
    closeSync(descriptor);
  }
  switch (dtype) {
    case "f32":
      return new Float32Array(bytes.buffer);
    case "bf16":
      return bf16ToF32(new Uint16Array(bytes.buffer));
    case "f16":
      return f16ToF32(new Uint16Array(bytes.buffer));
    default:
      throw new InternalError(`a weight cannot be ${dtype}`);
  }
}

function cutFile(file: string, at: number): GituneError {
  return new GituneError({
    code: "weights.safetensors",
    severity: "error",
    file,
    message: `${file} ends at byte ${at}, inside a tensor`,
    fix: "download or export the weights again",
  });
}
