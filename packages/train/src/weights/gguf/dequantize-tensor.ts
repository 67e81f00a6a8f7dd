import type { FileHandle } from "node:fs/promises";
import { GGML_TYPES } from "./ggml-types.js";
import { ggufError } from "./gguf-error.js";
import type { PlannedTensor } from "./tensor-plan.js";

/** Values at a time: 4 MB of f32, which stays near the processor and still makes large writes. */
const CHUNK_VALUES = 1024 * 1024;

/** Two pieces of memory, used for all tensors of a file one after the other. */
export interface Scratch {
  bytes: Uint8Array;
  values: Float32Array;
  reordered: Float32Array;
}

/** Empty; grows with the first tensor, to a few MB. */
export function newScratch(): Scratch {
  return { bytes: new Uint8Array(0), values: new Float32Array(0), reordered: new Float32Array(0) };
}

/**
 * A tensor's values in f32, row-major, in pieces. A piece is valid until the next one is asked for.
 * @param handle of the GGUF file @param shown how messages call it
 * @throws {GituneError} `weights.gguf` (exit code 2) when the file has become shorter than its head said
 */
export async function* dequantizeTensor(
  handle: FileHandle,
  shown: string,
  { name, shape, from, interleaved }: PlannedTensor,
  scratch: Scratch,
): AsyncGenerator<Float32Array> {
  const { blockElements, blockBytes, dequantize } = GGML_TYPES[from.type];
  const total = shape.reduce((product, size) => product * size, 1);
  const rowLength = shape.length > 1 ? shape.at(-1)! : 1;
  // Rows of a head are reordered together, so a piece has whole heads.
  const unit = interleaved > 0 ? interleaved * rowLength : blockElements;
  const most = Math.min(total, unit * Math.max(1, Math.floor(CHUNK_VALUES / unit)));
  grow(scratch, (most / blockElements) * blockBytes, most, interleaved > 0);
  for (let start = 0; start < total; start += most) {
    const count = Math.min(most, total - start);
    const bytes = scratch.bytes.subarray(0, (count / blockElements) * blockBytes);
    const at = from.offset + (start / blockElements) * blockBytes;
    await readFully(handle, bytes, at, () => ggufError(shown, `the file ends inside of the tensor of ${name}`));
    const values = scratch.values.subarray(0, count);
    dequantize(bytes, count / blockElements, values);
    if (interleaved === 0) {
      yield values;
      continue;
    }
    const reordered = scratch.reordered.subarray(0, count);
    deinterleave(values, reordered, interleaved, rowLength);
    yield reordered;
  }
}

/** Row 2i of a head to i, row 2i + 1 to half + i. */
function deinterleave(from: Float32Array, to: Float32Array, headRows: number, rowLength: number): void {
  const half = headRows / 2;
  const rows = from.length / rowLength;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headRows;
    const target = row - inHead + (inHead >> 1) + (inHead & 1) * half;
    to.set(from.subarray(row * rowLength, (row + 1) * rowLength), target * rowLength);
  }
}

function grow(scratch: Scratch, bytes: number, values: number, isReordered: boolean): void {
  if (scratch.bytes.length < bytes) scratch.bytes = new Uint8Array(bytes);
  if (scratch.values.length < values) scratch.values = new Float32Array(values);
  if (isReordered && scratch.reordered.length < values) scratch.reordered = new Float32Array(values);
}

async function readFully(handle: FileHandle, bytes: Uint8Array, at: number, cut: () => Error): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done);
    if (bytesRead === 0) throw cut();
    done += bytesRead;
  }
}
