/** A two-layer Llama with random weights, written to a temporary folder: small enough for the reference backend. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BaseSpec, WeightEntry } from "../engine/base-spec.js";
import { sizeOf } from "../ir/shape.js";
import type { LlamaConfig } from "../models/llama/config.js";
import { llamaTensors } from "../models/llama/tensors.js";
import { openSafetensors, writeSafetensors } from "../weights/safetensors.js";

export const TINY: LlamaConfig = {
  hiddenSize: 16,
  intermediateSize: 24,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  vocabSize: 32,
  maxPositions: 64,
  ropeTheta: 10_000,
  ropeScaling: null,
  normEps: 1e-5,
  tiedHead: true,
  qkvBias: false,
  outBias: false,
  mlpBias: false,
  qkNorm: false,
  windows: [null, null],
};

/** All that sets families apart, at once: biases, q/k norm, a window in one layer, stretched rope, heads of an odd width. */
export const VARIED: LlamaConfig = {
  ...TINY,
  headDim: 6,
  tiedHead: false,
  ropeScaling: {
    type: "yarn",
    factor: 2,
    originalPositions: 16,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    attentionFactor: 1.1,
  },
  qkvBias: true,
  outBias: true,
  mlpBias: true,
  qkNorm: true,
  windows: [3, null],
};

/** A value in -1..1 that looks random and never changes. */
export const wave = (i: number): number => Math.sin(i * 12.9898 + 78.233) * 0.9;

export async function tinyBase(
  config: LlamaConfig = TINY,
  dtype: "F32" | "BF16" = "F32",
): Promise<{ spec: BaseSpec; folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "gitune-tiny-"));
  let seed = 1;
  const tensors = llamaTensors(config).map(({ name, shape }) => {
    const data = Float32Array.from(
      { length: sizeOf(shape) },
      () => wave(seed++) * (shape.length === 1 ? 0.1 : 0.4) + (shape.length === 1 ? 1 : 0),
    );
    return { name, shape, data, dtype };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  const weights: Record<string, WeightEntry> = {};
  for (const [name, entry] of await openSafetensors(folder)) {
    weights[name] = { ...entry, dtype: entry.dtype === "BF16" ? "bf16" : "f32" };
  }
  return {
    spec: { config, weights },
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
