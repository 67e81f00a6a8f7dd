/** Compiles and runs training graphs. Lives in the engine's thread; `TrainProgram` is what the loop sees of it. */
import { InternalError, type Technique } from "@gitune/core";
import { gradients } from "../autodiff/grad.js";
import type { Backend, Feeds } from "../backends/backend.js";
import { createRandom } from "../data/random.js";
import { Graph, type Node } from "../ir/node.js";
import type { MicroBatch, OptimizerState, TrainableTensor, TrainProgram } from "../loop/program.js";
import { llamaLoss, type PassShape } from "../models/llama/training.js";
import { input } from "../ops/leaf.js";
import { concat, reshape } from "../ops/movement.js";
import { type AdamWOptions, adamW, packHyper } from "../optim/adamw.js";
import { sliceTensor } from "../tuners/flat.js";
import { createTuner } from "../tuners/registry.js";
import type { Tuner } from "../tuners/tuner.js";
import { type BaseSpec, frozenTensors, readFrozen } from "./base-spec.js";
import { fillDropout } from "./dropout.js";
import { SessionCache } from "./session-cache.js";

export interface TrainSpec {
  readonly base: BaseSpec;
  readonly technique: Technique;
  readonly optimizer: AdamWOptions;
  /** Ignores the base's weights and starts from random ones (full training only). */
  readonly fromScratch: boolean;
}

/** Sessions kept: each holds its own f32 copy of what it cast or packed, so few, but enough for all length buckets. */
const MAX_SESSIONS = 6;

export class TrainEngine implements TrainProgram {
  readonly tensors: readonly TrainableTensor[];
  readonly size: number;
  readonly #spec: TrainSpec;
  readonly #tuner: Tuner;
  readonly #decay: Float32Array;
  readonly #sessions: SessionCache;

  constructor(spec: TrainSpec, backend: Backend) {
    const start = spec.base.weights && !spec.fromScratch ? (name: string) => readFrozen(spec.base, name) : null;
    this.#spec = spec;
    this.#sessions = new SessionCache(backend, MAX_SESSIONS);
    this.#tuner = createTuner(spec.technique, spec.base.config, start);
    this.#decay = this.#tuner.decayMask();
    this.tensors = this.#tuner.tensors;
    this.size = this.#tuner.size;
  }

  async initialize(seed: number): Promise<Float32Array> {
    const random = createRandom(seed);
    return this.#tuner.initialize(() => random.uint32() / 2 ** 32);
  }

  async step(state: OptimizerState, batches: readonly MicroBatch[], learningRate: number) {
    let loss = 0;
    let grad: Float32Array | null = null;
    for (const batch of batches) {
      const out = await this.#pass(state.theta, batch, true);
      loss += out.loss;
      if (grad) for (let i = 0; i < grad.length; i++) grad[i] = grad[i]! + out.grad![i]!;
      else grad = out.grad!;
    }
    if (!grad) throw new InternalError("a step without a batch");
    const step = state.step + 1;
    const { beta1, beta2 } = this.#spec.optimizer;
    const hyper = packHyper({ learningRate, correction1: 1 - beta1 ** step, correction2: 1 - beta2 ** step });
    const session = await this.#sessions.get("update", () => this.#updateGraph());
    const vector = (data: Float32Array) => ({ data, shape: [this.size] });
    const [theta, m, v] = [0, 1, 2].map(() => new Float32Array(this.size)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const out = await session.run(
      {
        theta: vector(state.theta),
        m: vector(state.m),
        v: vector(state.v),
        grad: vector(grad),
        decay: vector(this.#decay),
        hyper: { data: hyper, shape: [3] },
      },
      { newTheta: theta, newM: m, newV: v },
    );
    return { state: { theta, m, v, step }, loss, gradNorm: out["gradNorm"]!.data[0] as number };
  }

  async loss(theta: Float32Array, batch: MicroBatch): Promise<number> {
    return (await this.#pass(theta, batch, false)).loss;
  }

  async close(): Promise<void> {
    await this.#sessions.close();
  }

  async #pass(
    theta: Float32Array,
    batch: MicroBatch,
    training: boolean,
  ): Promise<{ loss: number; grad: Float32Array | null }> {
    const shape = { batch: batch.batch, length: batch.length, labels: batch.labels.length };
    const session = await this.#sessions.get(`${training}|${shape.batch}x${shape.length}x${shape.labels}`, () =>
      this.#passGraph(shape, training),
    );
    const dropoutSize = training ? this.#tuner.dropoutSize(shape.batch * shape.length) : 0;
    const feeds: Feeds = {
      theta: { data: theta, shape: [this.size] },
      ids: { data: batch.ids, shape: [batch.ids.length] },
      positions: { data: batch.positions, shape: [shape.labels] },
      labels: { data: batch.labels, shape: [shape.labels] },
      weights: { data: batch.weights, shape: [shape.labels, 1] },
      ...(dropoutSize > 0
        ? { dropout: { data: this.#dropoutFactors(dropoutSize, batch.dropoutSeed), shape: [dropoutSize] } }
        : {}),
    };
    const grad = training ? new Float32Array(this.size) : null;
    const out = await session.run(feeds, grad ? { grad } : {});
    return { loss: out["loss"]!.data[0] as number, grad };
  }

  #passGraph(shape: PassShape, training: boolean): Record<string, Node> {
    const graph = new Graph();
    const theta = input(graph, "theta", [this.size]);
    const dropoutSize = training ? this.#tuner.dropoutSize(shape.batch * shape.length) : 0;
    const dropout = dropoutSize > 0 ? input(graph, "dropout", [dropoutSize]) : null;
    const params = this.#tuner.params(frozenTensors(this.#spec.base), { theta, dropout });
    const loss = llamaLoss(graph, this.#spec.base.config, params, shape);
    if (!training) return { loss };
    // One gradient a tensor, joined: differentiating the slices themselves would add full-size vectors.
    const slices = this.tensors.map((tensor) => sliceTensor(theta, tensor));
    const grads = gradients(loss, slices).map((grad, i) => reshape(grad, [this.tensors[i]!.size]));
    return { loss, grad: concat(grads, 0) };
  }

  #updateGraph(): Record<string, Node> {
    return adamW(new Graph(), this.size, this.#spec.optimizer);
  }

  #dropoutFactors(size: number, seed: number): Float32Array {
    const { technique } = this.#spec;
    return fillDropout(new Float32Array(size), technique.type === "lora" ? technique.dropout : 0, seed);
  }
}
