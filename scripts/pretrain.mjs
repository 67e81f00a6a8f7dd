/**
 * Pretrains the small base, models/gitune-tiny, from random weights with gitune's own engine (`technique: full`).
 * `node scripts/data/build.mjs` makes the corpus first; then `node scripts/pretrain.mjs` writes
 * models/gitune-tiny/model.safetensors and training.json. The recipe is below; the run is a pure function of it.
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onnxBackend } from "../packages/train/dist/backends/onnx/session.js";
import { TrainEngine } from "../packages/train/dist/engine/train-engine.js";
import { readModelConfig } from "../packages/train/dist/models/read-model-config.js";
import { loadTokenizer } from "../packages/train/dist/tokenizer/tokenizer.js";
import { readTensor, writeSafetensors } from "../packages/train/dist/weights/safetensors.js";

const RECIPE = {
  steps: 600,
  /** Sequences of `length` tokens an optimizer step, in passes of `microBatch`. */
  batch: 32,
  microBatch: 16,
  length: 256,
  learningRate: 3e-3,
  warmupSteps: 50,
  /** The cosine ends at this share of the learning rate. */
  floor: 0.1,
  optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1 },
  seed: 42,
};
const SAVE_STEPS = 100;

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "models/gitune-tiny");
const work = join(root, ".gitune/pretrain");
const steps = Number(process.argv[2] ?? RECIPE.steps);

/** Documents joined by EOS and cut into blocks of length + 1 tokens: each predicts its own shift by one. */
async function readBlocks(file, tokenizer) {
  const ids = [];
  const hash = createHash("sha256");
  for await (const line of createInterface({ input: createReadStream(file) })) {
    hash.update(line).update("\n");
    for (const id of tokenizer.encode(JSON.parse(line).text)) ids.push(id);
    ids.push(tokenizer.eosId);
  }
  const size = RECIPE.length + 1;
  const blocks = Array.from({ length: Math.floor(ids.length / size) }, (_, i) => ids.slice(i * size, (i + 1) * size));
  return { blocks, tokens: ids.length, sha256: hash.digest("hex") };
}

/** A pass over some blocks; every position carries a label. */
function toPass(blocks, total) {
  const { length } = RECIPE;
  const count = blocks.length * length;
  const flat = (shift) =>
    BigInt64Array.from({ length: count }, (_, i) => BigInt(blocks[Math.floor(i / length)][(i % length) + shift]));
  return {
    batch: blocks.length,
    length,
    ids: flat(0),
    positions: BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
    labels: flat(1),
    weights: new Float32Array(count).fill(1 / (total * length)),
    dropoutSeed: 0,
  };
}

/** A permutation that depends on the seed and the epoch alone. */
function shuffle(count, seed) {
  const key = (i) => createHash("sha256").update(`${seed}:${i}`).digest("hex");
  return Array.from({ length: count }, (_, i) => [key(i), i])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, i]) => i);
}

function learningRate(step) {
  if (step < RECIPE.warmupSteps) return (RECIPE.learningRate * (step + 1)) / RECIPE.warmupSteps;
  const progress = (step - RECIPE.warmupSteps) / Math.max(1, steps - RECIPE.warmupSteps);
  return RECIPE.learningRate * (RECIPE.floor + (1 - RECIPE.floor) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

const configFile = join(folder, "config.json");
const config = readModelConfig(JSON.parse(await readFile(configFile, "utf8")), "models/gitune-tiny/config.json");
const tokenizer = await loadTokenizer(folder);
const corpus = await readBlocks(join(work, "corpus.jsonl"), tokenizer);
const held = await readBlocks(join(work, "validation.jsonl"), tokenizer);
console.log(`${corpus.tokens} tokens in ${corpus.blocks.length} blocks; ${held.blocks.length} validation blocks`);

const engine = new TrainEngine(
  { base: { config, weights: null }, technique: { type: "full" }, optimizer: RECIPE.optimizer, fromScratch: true },
  onnxBackend({ threads: availableParallelism() }),
);
await mkdir(work, { recursive: true });
const statePath = join(work, "state.safetensors");
const progressPath = join(work, "state.json");
let state = {
  theta: await engine.initialize(RECIPE.seed),
  m: new Float32Array(engine.size),
  v: new Float32Array(engine.size),
  step: 0,
};
const losses = [];
if (process.argv.includes("--resume")) {
  const saved = JSON.parse(await readFile(progressPath, "utf8"));
  losses.push(...saved.losses);
  const [theta, m, v] = await Promise.all(["theta", "m", "v"].map((name) => readTensor(statePath, name)));
  state = { theta, m, v, step: saved.step };
}

async function save() {
  const vector = (name) => ({ name, shape: [engine.size], data: state[name] });
  await writeSafetensors(statePath, ["theta", "m", "v"].map(vector));
  await writeFile(`${progressPath}.tmp`, JSON.stringify({ step: state.step, losses }));
  await rename(`${progressPath}.tmp`, progressPath);
}

async function validationLoss() {
  const blocks = held.blocks.slice(0, 256);
  let loss = 0;
  for (let i = 0; i + RECIPE.microBatch <= blocks.length; i += RECIPE.microBatch) {
    loss += await engine.loss(state.theta, toPass(blocks.slice(i, i + RECIPE.microBatch), RECIPE.microBatch));
  }
  return loss / Math.floor(blocks.length / RECIPE.microBatch);
}

const perEpoch = Math.floor(corpus.blocks.length / RECIPE.batch);
let order = [];
let epoch = -1;
const started = performance.now();
const first = state.step;
while (state.step < steps) {
  const step = state.step;
  if (Math.floor(step / perEpoch) !== epoch) {
    epoch = Math.floor(step / perEpoch);
    order = shuffle(corpus.blocks.length, RECIPE.seed + epoch);
  }
  const at = (step % perEpoch) * RECIPE.batch;
  const chosen = order.slice(at, at + RECIPE.batch).map((i) => corpus.blocks[i]);
  const passes = [];
  for (let i = 0; i < chosen.length; i += RECIPE.microBatch)
    passes.push(toPass(chosen.slice(i, i + RECIPE.microBatch), chosen.length));
  const result = await engine.step(state, passes, learningRate(step));
  state = result.state;
  losses.push(Number(result.loss.toFixed(4)));
  if (state.step % 10 === 0) {
    const seconds = (performance.now() - started) / 1000;
    const speed = ((state.step - first) * RECIPE.batch * RECIPE.length) / seconds;
    console.log(
      `step ${state.step}/${steps} loss ${result.loss.toFixed(4)} norm ${result.gradNorm.toFixed(3)} ${speed.toFixed(0)} tokens/s ${seconds.toFixed(0)} s`,
    );
  }
  if (state.step % SAVE_STEPS === 0) await save();
}

const finalLoss = await validationLoss();
await writeSafetensors(
  join(folder, "model.safetensors"),
  engine.tensors.map(({ name, shape, offset, size }) => ({
    name,
    shape,
    data: state.theta.subarray(offset, offset + size),
    dtype: "BF16",
  })),
  { format: "pt" },
);
const facts = {
  recipe: { ...RECIPE, steps },
  parameters: engine.size,
  corpus: { tokens: corpus.tokens, blocks: corpus.blocks.length, sha256: corpus.sha256 },
  tokensSeen: steps * RECIPE.batch * RECIPE.length,
  trainLoss: Number((losses.slice(-50).reduce((sum, loss) => sum + loss, 0) / Math.min(50, losses.length)).toFixed(4)),
  validationLoss: Number(finalLoss.toFixed(4)),
  minutes: Number(((performance.now() - started) / 60_000).toFixed(1)),
};
await writeFile(join(folder, "training.json"), `${JSON.stringify(facts, null, 2)}\n`);
console.log(facts);
await engine.close();
