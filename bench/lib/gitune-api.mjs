/**
 * All that the benchmark uses of the engine, in one place: its parts are not public, so this is what changes with them.
 */
import { basename, dirname, join } from "node:path";
import { discoverProjects, readRows } from "../../packages/core/dist/index.js";
import { scorePredictions } from "../../packages/eval/dist/index.js";
import { readPeftAdapter } from "../../packages/train/dist/adapter/peft.js";
import { openBase } from "../../packages/train/dist/base.js";
import { makeStepBatches, planTraining } from "../../packages/train/dist/data/batches.js";
import { encodeRows } from "../../packages/train/dist/data/encoded-rows.js";
import { engineSettings } from "../../packages/train/dist/device.js";
import { EngineThread } from "../../packages/train/dist/engine/client.js";

export { onnxBackend } from "../../packages/train/dist/backends/onnx/session.js";
export { encodeRow } from "../../packages/train/dist/data/encode-row.js";
export { createGenerator, openBase, trainAdapter } from "../../packages/train/dist/index.js";
export { Graph } from "../../packages/train/dist/ir/node.js";
export { input } from "../../packages/train/dist/ops/leaf.js";
export { matMul } from "../../packages/train/dist/ops/matmul.js";
export { loadTokenizer } from "../../packages/train/dist/tokenizer/tokenizer.js";
export { discoverProjects, readRows };

/**
 * A base as the engine takes it, opened as a project opens it: read, hashed, its tokenizer made.
 * @param {{ base: string, layers?: number, cacheDir?: string }} settings `base`: folder or GGUF file, absolute; `layers`: the
 *   first so many only; `cacheDir`: where unpacked and 8-bit weights are kept
 */
async function openModel({ base, layers, cacheDir }) {
  const place = { root: dirname(base), projectDir: ".", base: basename(base), revision: null };
  const { spec, sha256 } = await openBase({ ...place, ...(cacheDir ? { cacheDir } : {}) });
  return { spec: layers ? { ...spec, config: { ...spec.config, layers } } : spec, sha256 };
}

/** @param {{ threads: number }} settings */
export const engineThread = async ({ threads }) => new EngineThread(await engineSettings("cpu", threads));

/**
 * What the training call takes.
 * @param {object} settings as `lib/settings.mjs` has them
 */
export async function trainSpec(settings) {
  const {
    r,
    targets,
    weightDecay,
    maxGradNorm,
    compute = "f32",
    mmap = false,
    longestLane,
    layers = "all",
    cacheDir,
  } = settings;
  const { spec, sha256 } = await openModel(settings);
  // What the engine does not offer must not be measured under its name.
  if (!["f32", "int8"].includes(compute)) throw new Error(`the engine does not train in ${compute}`);
  return {
    base: spec,
    technique: { type: "lora", r, alpha: 2 * r, dropout: 0, rslora: false, targets },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, maxGradNorm },
    fromScratch: false,
    mmap,
    longestLane,
    // The copy is filed by the base's hash, which does not tell how many of its layers were taken.
    ...(compute === "int8" ? { int8: { baseSha256: sha256, cacheDir: join(cacheDir, `layers-${layers}`) } } : {}),
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

/**
 * A model's sizes as `lib/flops.mjs` takes them.
 * @param {{ base: string, layers?: number }} settings
 */
export const modelSizes = async (settings) => (await openModel(settings)).spec.config;

/**
 * What the decoding call takes.
 * @param {{ base: string, cacheDir?: string, batch: number, compute?: string }} settings
 */
export async function decodeSpec(settings) {
  const { compute = "f32", batch, cacheDir } = settings;
  if (!["f32", "int8"].includes(compute)) throw new Error(`the engine does not decode in ${compute}`);
  const { spec, sha256 } = await openModel(settings);
  return {
    base: spec,
    adapter: null,
    batch,
    ...(compute === "int8" ? { int8: { baseSha256: sha256, cacheDir } } : {}),
  };
}

/** The likeliest token each time, so many of them: no end token ends a row. @param {number} tokens */
export const greedy = (tokens) => ({
  maxNewTokens: tokens,
  temperature: 0,
  topP: 1,
  topK: 0,
  repetitionPenalty: 1,
  seed: 0,
  eosIds: [],
});

/**
 * The loss of a project's validation rows under an adapter, computed in f32 whatever it was trained in.
 * @param {{ project: object, base: object, adapter: string | null, threads: number, rows: number, recipe: object }} settings
 *   `adapter`: null is the bare base; `rows`: the split's first so many
 */
export async function validationLoss({ project, base, adapter, threads, rows, recipe }) {
  const { maxLength, technique, microBatchSize, packing } = recipe;
  const some = [];
  for await (const row of readRows(project, "validation")) if (some.push(row) === rows) break;
  const encoded = await encodeRows(some, base.tokenizer, { maxLength, overflow: "error" });
  const plan = planTraining(encoded, { batchSize: rows, microBatchSize, packing, epochs: 1, maxSteps: 1, seed: 0 });
  const thread = await engineThread({ threads });
  try {
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 0 };
    const program = await thread.call("openTrain", [{ base: base.spec, technique, optimizer, fromScratch: false }]);
    // An adapter before its first step changes nothing.
    const theta = adapter ? await readTheta(adapter, program) : await thread.call("initialize", [0]);
    let loss = 0;
    for (const batch of makeStepBatches(encoded, plan.step(0), 0)) loss += await thread.call("loss", [theta, batch]);
    return loss;
  } finally {
    await thread.close();
  }
}

/** A metric's mean over some answers. @param {string} name @param {{ prediction: string, references: string[] }[]} answers */
export const score = (name, answers) => scorePredictions({ rows: answers, metrics: [name] }).metrics[name].value;
