import { mix32 } from "../data/random.js";
import type { MicroBatch } from "../loop/program.js";

/** A pass with one row a lane, each as long as the lane. */
export function rowLanes(
  pass: Omit<MicroBatch, "positionIds" | "rowStarts" | "weights" | "dropoutSeeds"> & {
    readonly dropoutSeed?: number;
  },
): MicroBatch {
  const { batch, length, labels, dropoutSeed = 0 } = pass;
  return {
    ...pass,
    dropoutSeeds: Int32Array.from({ length: batch * length }, (_, i) => mix32(mix32(dropoutSeed) + i)),
    positionIds: BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(i % length)),
    rowStarts: new Float32Array(batch * length),
    weights: new Float32Array(labels.length).fill(1 / labels.length),
  };
}
