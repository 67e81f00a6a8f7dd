/** Compiles and runs training graphs. Lives in the engine's thread; `TrainProgram` is what the loop sees of it. */
import { InternalError, type Technique } from "@gitune/core";
import { gradients } from "../autodiff/grad.js";
import type { Backend, Feeds } from "../backends/backend.js";
import { createRandom } from "../data/random.js";
import { Graph, type Node } from "../ir/node.js";
import type { MicroBatch, OptimizerState, TrainableTensor, TrainProgram } from "../loop/program.js";
import { laneBlocks } from "../models/llama/lanes.js";
import { llamaLoss } from "../models/llama/training.js";
import { input } from "../ops/leaf.js";
import { concat, reshape } from "../ops/movement.js";
import { type AdamWOptions, adamW, packHyper } from "../optim/adamw.js";
import { sliceTensor } from "../tuners/flat.js";
import { createTuner } from "../tuners/registry.js";
import type { Tuner } from "../tuners/tuner.js";
import { type BaseSpec, closedSizes, frozenWeights, readFrozen } from "./base-spec.js";
import { DropoutFeeds, dropoutInput } from "./dropout-feeds.js";
import type { Int8Request } from "./int8-base.js";
import { PlaceFeeds, passFeeds, wholeBlocks } from "./pass-feeds.js";
import { Programs } from "./programs.js";

export interface TrainSpec {
  /** Runs the frozen linear layers and the head's logits on 8-bit integers (`compute: int8`). */
  readonly int8?: Int8Request;
  readonly base: BaseSpec;
  readonly technique: Technique;
  readonly optimizer: AdamWOptions;
  /** Frozen weights stay in their files (`CompileOptions.weights`); false by default. */
  readonly mmap?: boolean;
  /** Tokens of the longest lane that will come; long ones are computed another way. Any may come all the same. */
  readonly longestLane?: number;
  /** Ignores the base's weights and starts from random ones (full training only). */
  readonly fromScratch: boolean;
}

export class TrainEngine implements TrainProgram {
  readonly tensors: readonly TrainableTensor[];
  readonly size: number;
  readonly #spec: TrainSpec;
  readonly #tuner: Tuner;
  readonly #decay: Float32Array;
  readonly #programs: Programs;
  readonly #places: PlaceFeeds;
  readonly #blocks: number;
  readonly #dropoutFeeds = new DropoutFeeds();

  constructor(spec: TrainSpec, backend: Backend) {
    const start = spec.base.weights && !spec.fromScratch ? (name: string) => readFrozen(spec.base, name) : null;
    this.#spec = spec;
    this.#programs = new Programs(backend);
    this.#places = new PlaceFeeds(spec.base.config);
    this.#blocks = laneBlocks(spec.longestLane ?? 0);
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
    const session = await this.#programs.get("update", () => adamW(new Graph(), this.size, this.#spec.optimizer));
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
      { newTheta: vector(theta), newM: vector(m), newV: vector(v) },
    );
    return { state: { theta, m, v, step }, loss, gradNorm: out["gradNorm"]!.data[0] as number };
  }

  async loss(theta: Float32Array, batch: MicroBatch): Promise<number> {
    return (await this.#pass(theta, batch, false)).loss;
  }

  async close(): Promise<void> {
    await this.#programs.close();
  }

  async #pass(
    theta: Float32Array,
    batch: MicroBatch,
    training: boolean,
  ): Promise<{ loss: number; grad: Float32Array | null }> {
    const session = await this.#programs.get(
      training ? "train" : "evaluate",
      () => passGraph(this.#spec, this.#tuner, training, this.#blocks),
      this.#spec.mmap ? { weights: "mapped", columns: this.#spec.base.config.hiddenSize } : {},
    );
    const whole = wholeBlocks(batch, this.#blocks);
    const feeds: Feeds = {
      theta: { data: theta, shape: [this.size] },
      ...passFeeds(whole, this.#places, this.#blocks),
      ...(training && this.#tuner.dropout ? this.#dropoutFeeds.draw(this.#tuner.dropout, whole.dropoutSeeds) : {}),
    };
    const grad = training ? new Float32Array(this.size) : null;
    const out = await session.run(feeds, grad ? { grad: { data: grad, shape: [this.size] } } : {});
    return { loss: out["loss"]!.data[0] as number, grad };
  }
}

function passGraph({ base }: TrainSpec, tuner: Tuner, training: boolean, blocks: number): Record<string, Node> {
  const graph = new Graph(closedSizes(base.config, tuner));
  const theta = input(graph, "theta", [tuner.size]);
  const tokens = graph.symbol("batch") * blocks * graph.symbol("block");
  const dropout =
    training && tuner.dropout
      ? (module: string, width: number) => input(graph, dropoutInput(module), [tokens, width], "u8")
      : null;
  const params = tuner.params(frozenWeights(graph, base), { theta, dropout });
  const loss = llamaLoss(graph, base.config, params, blocks);
  if (!training) return { loss };
  // One gradient a tensor, joined: differentiating the slices themselves would add full-size vectors.
  const slices = tuner.tensors.map((tensor) => sliceTensor(theta, tensor));
  const grads = gradients(loss, slices).map((grad, i) => reshape(grad, [tuner.tensors[i]!.size]));
  return { loss, grad: concat(grads, 0) };
}
