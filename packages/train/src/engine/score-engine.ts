/** Logits of whole rows. Lives in the engine's thread. */
import type { Backend } from "../backends/backend.js";
import { Graph } from "../ir/node.js";
import { LEAST_TOKENS } from "../ir/symbol.js";
import { laneShape } from "../models/llama/lanes.js";
import { llamaLogits } from "../models/llama/training.js";
import { createTuner } from "../tuners/registry.js";
import type { Tuner } from "../tuners/tuner.js";
import { closedSizes } from "./base-spec.js";
import { inferenceParams, type ModelSpec } from "./model-spec.js";
import { PlaceFeeds } from "./pass-feeds.js";
import { Programs } from "./programs.js";

export class ScoreEngine {
  readonly #spec: ModelSpec;
  readonly #tuner: Tuner | null;
  readonly #programs: Programs;
  readonly #places: PlaceFeeds;

  constructor(spec: ModelSpec, backend: Backend) {
    this.#spec = spec;
    this.#programs = new Programs(backend);
    this.#places = new PlaceFeeds(spec.base.config);
    this.#tuner = spec.adapter ? createTuner(spec.adapter.technique, spec.base.config, null) : null;
  }

  /** @param row token ids, [T]   @returns [T, vocab], row-major: at t the logits of the token after it */
  async logits(row: Int32Array): Promise<Float32Array> {
    const { base } = this.#spec;
    const program = await this.#programs.get("logits", () => {
      const graph = new Graph(closedSizes(base.config, this.#tuner));
      return { logits: llamaLogits(graph, base.config, inferenceParams(graph, this.#spec, this.#tuner)) };
    });
    const length = Math.max(row.length, LEAST_TOKENS);
    const shape = laneShape(1, length, 1);
    const ids = new BigInt64Array(length);
    for (const [t, id] of row.entries()) ids[t] = BigInt(id);
    const out = await program.run({
      ...this.#places.alongLane(length, 1),
      ids: { data: ids, shape },
      positionIds: { data: BigInt64Array.from({ length }, (_, t) => BigInt(t)), shape },
      rowStarts: { data: new Float32Array(length), shape },
      positions: { data: BigInt64Array.from({ length: row.length }, (_, t) => BigInt(t)), shape: [row.length] },
    });
    return out["logits"]!.data as Float32Array;
  }

  async close(): Promise<void> {
    await this.#programs.close();
  }
}
