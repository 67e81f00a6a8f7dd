/**
 * All that the benchmark uses of the engine, in one place: its parts are not public, so this is what changes with them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readPeftAdapter } from "../../packages/train/dist/adapter/peft.js";
import { readWeights } from "../../packages/train/dist/base.js";
import { makeStepBatches, planTraining } from "../../packages/train/dist/data/batches.js";
import { EngineThread } from "../../packages/train/dist/engine/client.js";
import { readModelConfig } from "../../packages/train/dist/models/read-model-config.js";

export { onnxBackend } from "../../packages/train/dist/backends/onnx/session.js";
export { encodeRow } from "../../packages/train/dist/data/encode-row.js";
export { Graph } from "../../packages/train/dist/ir/node.js";
export { input } from "../../packages/train/dist/ops/leaf.js";
export { matMul } from "../../packages/train/dist/ops/matmul.js";
export { loadTokenizer } from "../../packages/train/dist/tokenizer/tokenizer.js";
export { EngineThread };

/**
 * A base without its tokenizer.
 * @param {string} folder Hugging Face layout
 * @param {number} [layers] the first so many only
 */
export async function openSpec(folder, layers) {
  const file = join(folder, "config.json");
  const config = readModelConfig(JSON.parse(readFileSync(file, "utf8")), file);
  const weights = await readWeights(folder, config, folder);
  return { config: layers ? { ...config, layers } : config, weights };
}

/** @param {{ threads: number }} settings */
export const engineThread = ({ threads }) => new EngineThread({ threads, providers: ["cpu"] });

/**
 * What the training call takes.
 * @param {object} settings as `lib/settings.mjs` has them
 */
export async function trainSpec(settings) {
  const { base, layers, r, targets, weightDecay, maxGradNorm, compute } = settings;
  return {
    base: await openSpec(base, layers),
    technique: { type: "lora", r, alpha: 2 * r, dropout: 0, rslora: false, targets },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, maxGradNorm },
    fromScratch: false,
    ...(compute && compute !== "f32" ? { compute } : {}),
  };
}

/**
 * One optimizer step's passes, as the loop makes them.
 * @param {import("./work.mjs").WorkRow[]} rows
 * @param {{ microBatch?: number, packing?: boolean }} settings
 */
export function stepBatches(rows, { microBatch = rows.length, packing = false }) {
  const encoded = encodedRows(rows);
  const config = { batchSize: rows.length, microBatchSize: microBatch, packing, epochs: 1, maxSteps: 1, seed: 0 };
  return makeStepBatches(encoded, planTraining(encoded, config).step(0), 0);
}

/** An adapter folder as the engine's flat vector. */
export async function readTheta(folder, { tensors, size }) {
  const { tensors: stored } = await readPeftAdapter(folder);
  const theta = new Float32Array(size);
  for (const { name, offset } of tensors) theta.set(stored.find((tensor) => tensor.name === name).data, offset);
  return theta;
}

function encodedRows(rows) {
  const encoded = rows.map(({ ids, labels }) => ({
    ids: Int32Array.from(ids),
    // Nothing comes before a row's first token that could predict it.
    labelMask: Uint8Array.from(labels, (on, at) => (at > 0 ? on : 0)),
  }));
  return {
    length: rows.length,
    padId: 0,
    sha256: "",
    rowLength: (index) => encoded[index].ids.length,
    rowLabels: (index) => encoded[index].labelMask.reduce((sum, bit) => sum + bit, 0),
    row: (index) => encoded[index],
    place: (index) => `work:${index + 1}`,
  };
}

/** A model's sizes as `lib/flops.mjs` takes them. */
export const modelSizes = async (folder) => (await openSpec(folder)).config;

/**
 * What the decoding call takes.
 * @param {{ base: string, batch: number, compute?: string }} settings
 */
export async function decodeSpec({ base, batch, compute }) {
  return { base: await openSpec(base), adapter: null, batch, ...(compute && compute !== "f32" ? { compute } : {}) };
}
