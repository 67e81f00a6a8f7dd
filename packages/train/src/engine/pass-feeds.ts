import type { Feeds } from "../backends/backend.js";
import type { MicroBatch } from "../loop/program.js";
import type { LlamaConfig } from "../models/llama/config.js";
import { type RopeAngles, ropeAngles } from "../nn/rope-table.js";

/** Tables grow by so many positions at once. */
const GROWTH = 256;

/** The inputs that count places, for passes of any length: `rope.cos`, `rope.sin` and `index`. */
export class PlaceFeeds {
  readonly #config: LlamaConfig;
  #angles: RopeAngles | null = null;
  #index = new Float32Array();

  constructor(config: LlamaConfig) {
    this.#config = config;
  }

  /** For positions 0 … length - 1. */
  upTo(length: number): Feeds {
    const { headDim } = this.#config;
    if (!this.#angles || this.#angles.positions < length) {
      this.#angles = ropeAngles(Math.ceil(length / GROWTH) * GROWTH, headDim, this.#config);
      this.#index = Float32Array.from({ length: this.#angles.positions }, (_, i) => i);
    }
    const { positions, cos, sin } = this.#angles;
    const shape = [positions, headDim / 2];
    return {
      "rope.cos": { data: cos, shape },
      "rope.sin": { data: sin, shape },
      index: { data: this.#index.subarray(0, length), shape: [length] },
    };
  }
}

/** What `llamaLoss` is fed for one pass, but for what is trained. */
export function passFeeds(batch: MicroBatch, places: PlaceFeeds): Feeds {
  const perToken = [batch.batch, batch.length];
  const perLabel = [batch.labels.length];
  return {
    ids: { data: batch.ids, shape: perToken },
    positionIds: { data: batch.positionIds, shape: perToken },
    rowStarts: { data: batch.rowStarts, shape: perToken },
    positions: { data: batch.positions, shape: perLabel },
    labels: { data: batch.labels, shape: perLabel },
    weights: { data: batch.weights, shape: [...perLabel, 1] },
    ...places.upTo(batch.length),
  };
}
