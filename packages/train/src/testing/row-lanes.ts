import type { MicroBatch } from "../loop/program.js";

/** A pass with one row a lane, each as long as the lane. */
export function rowLanes(
  pass: Omit<MicroBatch, "positionIds" | "rowStarts" | "weights" | "dropoutSeed"> & { readonly dropoutSeed?: number },
): MicroBatch {
  const { batch, length, labels } = pass;
  return {
    dropoutSeed: 0,
    ...pass,
    positionIds: BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(i % length)),
    rowStarts: new Float32Array(batch * length),
    weights: new Float32Array(labels.length).fill(1 / labels.length),
  };
}
