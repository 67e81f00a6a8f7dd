/**
 * A GGUF file's weights as a safetensors file in f32, made once and kept under the GGUF file's hash: a backend maps it into
 * memory like any checkpoint, and processes beside each other share it.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type AtomicOptions, cacheKey, Store, writeFileAtomic } from "@gitune/core";
import { safetensorsHead } from "../safetensors.js";
import { dequantizeTensor, newScratch } from "./dequantize-tensor.js";
import type { GgufFile } from "./gguf-file.js";
import type { PlannedTensor } from "./tensor-plan.js";

/** Rises when the same file would give other bytes. */
const FORMAT_VERSION = 1;

export interface UnpackOptions extends AtomicOptions {
  readonly gguf: GgufFile;
  readonly plan: readonly PlannedTensor[];
  /** Of the GGUF file, hex. */
  readonly sha256: string;
  /** Where unpacked weights are kept; any part of it may be deleted at any time. */
  readonly cacheDir: string;
}

/**
 * @returns a folder with `model.safetensors`, checked against the checksum that it was written with
 * @throws {GituneError} `disk.full` or `disk.write` (exit code 3), and then nothing is kept; `weights.gguf` (2)
 */
export async function unpackWeights({ gguf, plan, sha256, cacheDir, ...atomic }: UnpackOptions): Promise<string> {
  const store = new Store(cacheDir, atomic);
  // The plan too: another reading of the same file, by a later version, is another result.
  const key = cacheKey({
    kind: "gguf-f32",
    version: FORMAT_VERSION,
    sha256,
    tensors: plan.map(({ name, shape, interleaved }) => ({ name, shape, interleaved })),
  });
  const there = await store.getFolder(key);
  if (there !== null) return there;
  const { dir } = await store.putFolder(key, (folder) =>
    writeFileAtomic(join(folder, "model.safetensors"), unpacked(gguf, plan), atomic),
  );
  return dir;
}

async function* unpacked(gguf: GgufFile, plan: readonly PlannedTensor[]): AsyncGenerator<Uint8Array> {
  const { head, order } = safetensorsHead(plan, { format: "pt" });
  yield head;
  const scratch = newScratch();
  const handle = await open(gguf.path, "r");
  try {
    for (const tensor of order) {
      for await (const values of dequantizeTensor(handle, gguf.shown, tensor, scratch)) {
        yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      }
    }
  } finally {
    await handle.close();
  }
}
