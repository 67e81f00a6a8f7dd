/** The 2-layer Llama whose numbers come from PyTorch and PEFT (`test/golden/llama/PROVENANCE.md`). */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gradients } from "../autodiff/grad.js";
import type { Backend, Executable, Feeds } from "../backends/backend.js";
import { PlaceFeeds, passFeeds } from "../engine/pass-feeds.js";
import { Graph, type Node } from "../ir/node.js";
import { type LlamaConfig, readLlamaConfig } from "../models/llama/config.js";
import { llamaLoss } from "../models/llama/training.js";
import type { Params } from "../nn/params.js";
import { input, weight } from "../ops/leaf.js";
import { concat, reshape, slice } from "../ops/movement.js";
import { type AdamWOptions, adamW, packHyper } from "../optim/adamw.js";
import { openSafetensors, readSafetensorsHeader, readTensorEntry, type TensorEntry } from "../weights/safetensors.js";
import { rowLanes } from "./row-lanes.js";

const FOLDER = new URL("../../test/golden/llama/", import.meta.url);

export interface GoldenCase {
  readonly config: LlamaConfig;
  /** The model's folder. */
  readonly folder: string;
  readonly checkpoint: ReadonlyMap<string, TensorEntry>;
  /** alpha / r; null for full fine-tuning. */
  readonly loraScale: number | null;
  /** Names of what is trained, in the order of the flat vector. */
  readonly trained: readonly { readonly name: string; readonly shape: readonly number[]; readonly offset: number }[];
  readonly size: number;
  readonly optimizer: AdamWOptions;
  readonly learningRates: readonly number[];
  /** Before each step, and after the last. */
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
  /** Flat vectors; `after` is null where it is not stored. */
  readonly start: Float32Array;
  readonly grad: Float32Array;
  readonly after: Float32Array | null;
  /** 1 where weight decay applies. */
  readonly decay: Float32Array;
}

export const GOLDEN_CASES = ["tied/lora-qv", "tied/lora-all", "untied/lora-all", "tied/full", "untied/full"] as const;
export type GoldenName = (typeof GOLDEN_CASES)[number];

const readJson = (path: string): unknown => JSON.parse(readFileSync(new URL(path, FOLDER), "utf8"));

export async function readGolden(name: GoldenName): Promise<GoldenCase> {
  const head = name.split("/")[0]!;
  const folder = fileURLToPath(new URL(head, FOLDER));
  const config = readLlamaConfig(readJson(`${head}/config.json`) as Record<string, unknown>, "config.json");
  const run = readJson(`${name}.json`) as {
    readonly tensors: readonly string[];
    readonly alpha?: number;
    readonly r?: number;
    readonly optimizer: AdamWOptions;
    readonly learningRates: readonly number[];
    readonly losses: readonly number[];
    readonly gradNorms: readonly number[];
  };
  const checkpoint = await openSafetensors(folder);
  const { tensors: stored } = await readSafetensorsHeader(fileURLToPath(new URL(`${name}.safetensors`, FOLDER)));
  let size = 0;
  const trained = run.tensors.map((tensor) => {
    const { shape } = stored.get(`grad/${tensor}`)!;
    const offset = size;
    size += sizeOfShape(shape);
    return { name: tensor, shape, offset };
  });
  const flat = async (entry: (tensor: string) => TensorEntry | undefined): Promise<Float32Array | null> => {
    const out = new Float32Array(size);
    for (const tensor of trained) {
      const found = entry(tensor.name);
      if (!found) return null;
      out.set(await readTensorEntry(found), tensor.offset);
    }
    return out;
  };
  const loraScale = run.alpha && run.r ? run.alpha / run.r : null;
  const decay = new Float32Array(size);
  for (const { shape, offset } of trained) {
    if (loraScale !== null || shape.length > 1) decay.fill(1, offset, offset + sizeOfShape(shape));
  }
  return {
    config,
    folder,
    checkpoint,
    loraScale,
    trained,
    size,
    optimizer: run.optimizer,
    learningRates: run.learningRates,
    losses: run.losses,
    gradNorms: run.gradNorms,
    start: (await flat((tensor) => stored.get(`start/${tensor}`) ?? checkpoint.get(tensor)))!,
    grad: (await flat((tensor) => stored.get(`grad/${tensor}`)))!,
    after: await flat((tensor) => stored.get(`after/${tensor}`)),
    decay,
  };
}

const sizeOfShape = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

const BATCH = readJson("batch.json") as {
  readonly batch: number;
  readonly length: number;
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly labels: readonly number[];
};

const integers = (values: readonly number[]) => BigInt64Array.from(values, (value) => BigInt(value));

/** The golden batch as the training graph's inputs; every label weighs the same. */
export const goldenFeeds = ({ config }: GoldenCase): Feeds => {
  const [ids, positions, labels] = [BATCH.ids, BATCH.positions, BATCH.labels].map(integers) as [
    BigInt64Array,
    BigInt64Array,
    BigInt64Array,
  ];
  return passFeeds(rowLanes({ ...BATCH, ids, positions, labels }), new PlaceFeeds(config));
};

/** Loss and flat gradient by the flat vector `theta`; the parameters come from the test itself, not from a tuner. */
export function goldenTrainingGraph(golden: GoldenCase): { readonly loss: Node; readonly grad: Node } {
  const graph = new Graph();
  const theta = input(graph, "theta", [golden.size]);
  const slices = new Map(
    golden.trained.map(({ name, shape, offset }) => [
      name,
      reshape(slice(theta, 0, offset, offset + sizeOfShape(shape)), shape),
    ]),
  );
  const params: Params = {
    tensor: (name, shape) => {
      const entry = golden.checkpoint.get(name);
      return slices.get(name) ?? weight(graph, name, shape, "f32", entry!);
    },
    update: (module) => {
      const [a, b] = [slices.get(`${module}.lora_A.weight`), slices.get(`${module}.lora_B.weight`)];
      return a && b ? { a, b, scale: golden.loraScale!, dropout: (x) => x } : null;
    },
  };
  const loss = llamaLoss(graph, golden.config, params);
  const grads = gradients(loss, [...slices.values()]);
  const flat = grads.map((grad) => reshape(grad, [sizeOfShape(grad.shape)]));
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
