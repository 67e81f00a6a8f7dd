import type { Feeds } from "../backends/backend.js";
import type { MicroBatch } from "../loop/program.js";
import type { LlamaConfig } from "../models/llama/config.js";
import { laneLength, laneShape } from "../models/llama/lanes.js";
import { type RopeAngles, ropeAngles } from "../nn/rope-table.js";

/** Tables grow by so many positions at once. */
const GROWTH = 256;

/** The inputs that count places, for passes of any length. */
export class PlaceFeeds {
  readonly #config: LlamaConfig;
  #angles: RopeAngles | null = null;
  #index = new Float32Array();

  constructor(config: LlamaConfig) {
    this.#config = config;
  }

  /** `rope.cos` and `rope.sin` for positions 0 … length - 1, and more. */
  upTo(length: number): Feeds {
    const { headDim } = this.#config;
    if (!this.#angles || this.#angles.positions < length)
      this.#angles = ropeAngles(Math.ceil(length / GROWTH) * GROWTH, headDim, this.#config);
    const { positions, cos, sin } = this.#angles;
    const shape = [positions, headDim / 2];
    return { "rope.cos": { data: cos, shape }, "rope.sin": { data: sin, shape } };
  }

  /** `index` too: 0 … length - 1. @param length of whole blocks */
  alongLane(length: number, blocks: number): Feeds {
    if (this.#index.length < length)
      this.#index = Float32Array.from({ length: Math.ceil(length / GROWTH) * GROWTH }, (_, i) => i);
    const [, ...shape] = laneShape(1, length, blocks);
    return { ...this.upTo(length), index: { data: this.#index.subarray(0, length), shape } };
  }
}

/** The same pass with lanes of whole blocks: what is added is looked at by nobody, and is no label. */
export function wholeBlocks(pass: MicroBatch, blocks: number): MicroBatch {
  const length = laneLength(pass.length, blocks);
  if (length === pass.length) return pass;
  const padded = <T extends BigInt64Array | Float32Array | Int32Array>(values: T, to: T): T => {
    for (let lane = 0; lane < pass.batch; lane++) {
      const own = values.subarray(lane * pass.length, (lane + 1) * pass.length);
      // A typed array sets itself from one of its own kind, which a union of kinds does not say.
      (to as { set(from: ArrayLike<unknown>, at: number): void }).set(own, lane * length);
    }
    return to;
  };
  const tokens = pass.batch * length;
  const old = BigInt(pass.length);
  return {
    ...pass,
    length,
    ids: padded(pass.ids, new BigInt64Array(tokens)),
    positionIds: padded(pass.positionIds, new BigInt64Array(tokens)),
    rowStarts: padded(pass.rowStarts, new Float32Array(tokens)),
    dropoutSeeds: padded(pass.dropoutSeeds, new Int32Array(tokens)),
    positions: pass.positions.map((at) => (at / old) * BigInt(length) + (at % old)),
  };
}

/** What `llamaLoss` is fed for one pass, but for what is trained. @param batch of whole blocks */
export function passFeeds(batch: MicroBatch, places: PlaceFeeds, blocks: number): Feeds {
  const perToken = laneShape(batch.batch, batch.length, blocks);
  const perLabel = [batch.labels.length];
  return {
    ids: { data: batch.ids, shape: perToken },
    positionIds: { data: batch.positionIds, shape: perToken },
    rowStarts: { data: batch.rowStarts, shape: perToken },
    positions: { data: batch.positions, shape: perLabel },
    labels: { data: batch.labels, shape: perLabel },
    weights: { data: batch.weights, shape: [...perLabel, 1] },
    ...places.alongLane(batch.length, blocks),
  };
}
