/** The 2-layer models whose numbers come from PyTorch and PEFT (`PROVENANCE.md` in `test/golden/llama` and `…/families`). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Technique } from "@gitune/core";
import { gradients } from "../autodiff/grad.js";
import type { Backend, Executable, Feeds } from "../backends/backend.js";
import { readWeights } from "../base.js";
import { type BaseSpec, frozenWeights, readFrozen } from "../engine/base-spec.js";
import { PlaceFeeds, passFeeds, wholeBlocks } from "../engine/pass-feeds.js";
import { Graph, type Node } from "../ir/node.js";
import { sizeOf } from "../ir/shape.js";
import type { MicroBatch } from "../loop/program.js";
import { llamaLoss } from "../models/llama/training.js";
import { readModelConfig } from "../models/read-model-config.js";
import { f32Product, type Params } from "../nn/params.js";
import { input } from "../ops/leaf.js";
import { concat, reshape, slice } from "../ops/movement.js";
import { type AdamWOptions, adamW, packHyper } from "../optim/adamw.js";
import { readSafetensorsHeader, readTensorEntry } from "../weights/safetensors.js";
import { rowLanes } from "./row-lanes.js";

const GOLDEN = new URL("../../test/golden/", import.meta.url);

/** Folders of golden models; the models of one share a batch. */
export type GoldenSet = "llama" | "families";

export interface GoldenCase {
  readonly base: BaseSpec;
  readonly batch: MicroBatch;
  /** That a lane is computed in. */
  readonly blocks: number;
  readonly technique: Technique;
  /** alpha / r; null for full fine-tuning. */
  readonly loraScale: number | null;
  /** Names of what is trained, in the order of the flat vector. */
  readonly trained: readonly GoldenTensor[];
  readonly size: number;
  readonly optimizer: AdamWOptions;
  readonly learningRates: readonly number[];
  /** Before each step, and after the last. */
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
  /** Flat vectors; `after` is null where it is not stored. */
  readonly start: Float32Array;
  readonly after: Float32Array | null;
  /** 1 where weight decay applies. */
  readonly decay: Float32Array;
}

export interface GoldenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** At the start, unclipped; null where it is not stored. */
  readonly grad: Float32Array | null;
}

export const GOLDEN_CASES = ["tied/lora-qv", "tied/lora-all", "untied/lora-all", "tied/full", "untied/full"] as const;
export type GoldenName = (typeof GOLDEN_CASES)[number];

const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, GOLDEN), "utf8"));
const pathOf = (path: string): string => fileURLToPath(new URL(path, GOLDEN));

/** A golden model's folder, opened as a base is. */
export async function readGoldenBase(model: string, set: GoldenSet = "llama"): Promise<BaseSpec> {
  const config = readModelConfig(readJson(`${set}/${model}/config.json`) as Record<string, unknown>, "config.json");
  return { config, weights: await readWeights(pathOf(`${set}/${model}`), config, model) };
}

/** Right-padded rows, one a lane; every label weighs the same. */
export function readGoldenBatch(set: GoldenSet = "llama"): MicroBatch {
  const { batch, length, ids, positions, labels } = readJson(`${set}/batch.json`) as GoldenBatch;
  return rowLanes({ batch, length, ids: integers(ids), positions: integers(positions), labels: integers(labels) });
}

interface GoldenBatch {
  readonly batch: number;
  readonly length: number;
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly labels: readonly number[];
}

const integers = (values: readonly number[]) => BigInt64Array.from(values, (value) => BigInt(value));

/** @param name model and case, as `tied/lora-qv` */
export async function readGolden(name: string, set: GoldenSet = "llama"): Promise<GoldenCase> {
  const base = await readGoldenBase(name.split("/")[0]!, set);
  const run = readJson(`${set}/${name}.json`) as {
    readonly tensors: readonly string[];
    readonly type: "lora" | "full";
    readonly alpha: number;
    readonly r: number;
    readonly targets: readonly string[];
    readonly optimizer: AdamWOptions;
    readonly learningRates: readonly number[];
    readonly losses: readonly number[];
    readonly gradNorms: readonly number[];
  };
  const { tensors: stored } = await readSafetensorsHeader(pathOf(`${set}/${name}.safetensors`));
  const read = async (tensor: string): Promise<Float32Array | null> => {
    const entry = stored.get(tensor);
    return entry ? readTensorEntry(entry) : null;
  };
  let size = 0;
  const trained: GoldenTensor[] = [];
  for (const tensor of run.tensors) {
    const { shape } = (stored.get(`start/${tensor}`) ?? base.weights![tensor])!;
    trained.push({ name: tensor, shape, offset: size, size: sizeOf(shape), grad: await read(`grad/${tensor}`) });
    size += sizeOf(shape);
  }
  const { type, r, alpha, targets } = run;
  const technique: Technique =
    type === "lora" ? { type, r, alpha, targets: [...targets], dropout: 0, rslora: false } : { type };
  const loraScale = type === "lora" ? alpha / r : null;
  const [start, after, decay] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)];
  let hasAfter = true;
  for (const tensor of trained) {
    start.set((await read(`start/${tensor.name}`)) ?? readFrozen(base, tensor.name), tensor.offset);
    const trainedTo = await read(`after/${tensor.name}`);
    if (trainedTo) after.set(trainedTo, tensor.offset);
    else hasAfter = false;
    if (loraScale !== null || tensor.shape.length > 1) decay.fill(1, tensor.offset, tensor.offset + tensor.size);
  }
  return {
    base,
    batch: readGoldenBatch(set),
    blocks: 1,
    technique,
    loraScale,
    trained,
    size,
    optimizer: run.optimizer,
    learningRates: run.learningRates,
    losses: run.losses,
    gradNorms: run.gradNorms,
    start,
    after: hasAfter ? after : null,
    decay,
  };
}

/** The golden batch as the training graph's inputs. */
export const goldenFeeds = ({ base, batch, blocks }: GoldenCase): Feeds =>
  passFeeds(wholeBlocks(batch, blocks), new PlaceFeeds(base.config), blocks);

/** Loss and flat gradient by the flat vector `theta`; the parameters come from the test itself, not from a tuner. */
export function goldenTrainingGraph(golden: GoldenCase): { readonly loss: Node; readonly grad: Node } {
  const graph = new Graph();
  const theta = input(graph, "theta", [golden.size]);
  const slices = new Map(
    golden.trained.map(({ name, shape, offset, size }) => [
      name,
      reshape(slice(theta, 0, offset, offset + size), shape),
    ]),
  );
  const frozen = frozenWeights(graph, golden.base);
  const tensor: Params["tensor"] = (name, shape) => slices.get(name) ?? frozen.tensor(name, shape);
  const params: Params = {
    tensor,
    product: f32Product(tensor),
    update: (module) => {
      const [a, b] = [slices.get(`${module}.lora_A.weight`), slices.get(`${module}.lora_B.weight`)];
      return a && b ? { a, b, scale: golden.loraScale!, dropout: (x) => x } : null;
    },
  };
  const loss = llamaLoss(graph, golden.base.config, params, golden.blocks);
  const grads = gradients(loss, [...slices.values()]);
  const flat = grads.map((grad) => reshape(grad, [sizeOf(grad.shape)]));
  return { loss, grad: concat(flat, 0) };
}

export interface GoldenRun {
  readonly losses: number[];
  readonly gradNorms: number[];
  readonly firstGrad: Float32Array;
  readonly after: Float32Array;
}

/** Three AdamW steps on a backend, as the golden script takes them. */
export async function runGolden(golden: GoldenCase, backend: Backend): Promise<GoldenRun> {
  const pass = await backend.compile({ ...goldenTrainingGraph(golden) });
  const update = await backend.compile({ ...adamW(new Graph(), golden.size, golden.optimizer) });
  try {
    return await takeSteps(golden, pass, update);
  } finally {
    await pass.close();
    await update.close();
  }
}

async function takeSteps(golden: GoldenCase, pass: Executable, update: Executable): Promise<GoldenRun> {
  const vector = (data: Float32Array) => ({ data, shape: [golden.size] });
  const { beta1, beta2 } = golden.optimizer;
  const [losses, gradNorms, grads]: [number[], number[], Float32Array[]] = [[], [], []];
  let state: readonly Float32Array[] = [golden.start, new Float32Array(golden.size), new Float32Array(golden.size)];
  for (const [i, learningRate] of golden.learningRates.entries()) {
    const { loss, grad } = await pass.run({ ...goldenFeeds(golden), theta: vector(state[0]!) });
    losses.push(loss!.data[0] as number);
    grads.push(grad!.data as Float32Array);
    const correction = (beta: number) => 1 - beta ** (i + 1);
    const hyper = packHyper({ learningRate, correction1: correction(beta1), correction2: correction(beta2) });
    const out = await update.run({
      theta: vector(state[0]!),
      m: vector(state[1]!),
      v: vector(state[2]!),
      grad: vector(grads[i]!),
      decay: vector(golden.decay),
      hyper: { data: hyper, shape: [3] },
    });
    gradNorms.push(out["gradNorm"]!.data[0] as number);
    state = ["newTheta", "newM", "newV"].map((name) => out[name]!.data as Float32Array);
  }
  const { loss } = await pass.run({ ...goldenFeeds(golden), theta: vector(state[0]!) });
  return { losses: [...losses, loss!.data[0] as number], gradNorms, firstGrad: grads[0]!, after: state[0]! };
}
