/**
 * 50 steps of LoRA on the real model from PEFT's own initial adapter: the loss of every step and the adapter at the end.
 * Our side is the loop and the engine that `gitune train` runs.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { readPeftAdapter } from "../../../packages/train/dist/adapter/peft.js";
import { planTraining } from "../../../packages/train/dist/data/batches.js";
import { encodeRows } from "../../../packages/train/dist/data/encoded-rows.js";
import { defaultThreads, engineSettings } from "../../../packages/train/dist/device.js";
import { EngineThread } from "../../../packages/train/dist/engine/client.js";
import { runTraining } from "../../../packages/train/dist/loop/train.js";
import { runPeer } from "../peer.mjs";
import { realRows, spread } from "../rows.mjs";

const STEPS = 50;
/** Rows a step, each a micro-batch of its own. */
const ROWS_A_STEP = 4;
/** Tokens of a row: short, since 200 passes a case are what takes the time. */
const TOKENS = [32, 56];
const WARMUP_STEPS = 5;
const SEED = 11;

const RECIPE = {
  epochs: 1,
  maxSteps: null,
  batchSize: ROWS_A_STEP,
  microBatchSize: 1,
  packing: false,
  learningRate: 2e-4,
  schedule: "cosine",
  warmupRatio: WARMUP_STEPS / STEPS,
  weightDecay: 0.01,
  // Below the norm of most steps, so that clipping is at work.
  maxGradNorm: 0.5,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  checkpointSteps: 0,
  evalSteps: 0,
  earlyStopping: null,
  loadBestModelAtEnd: false,
  lossSpikeFactor: 0,
  reportTo: [],
  seed: SEED,
};

const TARGETS = { qv: ["q_proj", "v_proj"], "all-linear": "all-linear" };
/** Targets x rank x rsLoRA: each value is in one of two cases. `--full` runs all eight. */
const BRIEF = [
  ["qv", 8, false],
  ["all-linear", 16, true],
];
const FULL = Object.keys(TARGETS).flatMap((targets) =>
  [8, 16].flatMap((r) => [false, true].map((rslora) => [targets, r, rslora])),
);

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function training(context) {
  const { environment, full, out } = context;
  const base = await context.openBase(environment.hf);
  const encoded = await chooseRows(context, base);
  const plan = planTraining(encoded, RECIPE);
  const cases = (full ? FULL : BRIEF).map(([targets, r, rslora]) => ({
    name: `${targets} r ${r}${rslora ? " rsLoRA" : ""}`,
    folder: join(out, "training", `${targets}-${r}${rslora ? "-rslora" : ""}`),
    technique: { type: "lora", r, alpha: 2 * r, dropout: 0, rslora, targets: TARGETS[targets] },
  }));
  rmSync(join(out, "training"), { recursive: true, force: true });

  const job = {
    rows: Array.from({ length: encoded.length }, (_, i) => encoded.row(i)).map(({ ids, labelMask }) => ({
      ids: [...ids],
      labelMask: [...labelMask],
    })),
    steps: Array.from({ length: STEPS }, (_, step) => plan.step(step).micro.map(({ lanes }) => lanes.flat())),
    warmupSteps: WARMUP_STEPS,
    recipe: RECIPE,
    seed: SEED,
    cases,
  };
  const model = join(environment.modelRoot, environment.hf);
  const theirs = await runPeer(environment, "train.py", [model], { input: [JSON.stringify(job)] });

  const figures = [];
  for (const [i, one] of cases.entries()) {
    const ours = await train(base, encoded, one);
    const losses = ours.losses.map((loss, step) => Math.abs(loss / theirs[i].losses[step] - 1));
    const clipped = ours.records.filter(({ gradNorm }) => gradNorm > RECIPE.maxGradNorm).length;
    const end = flatten(await readPeftAdapter(join(one.folder, "end")), ours.tensors);
    const b = ours.tensors.filter(({ name }) => name.endsWith("lora_B.weight"));
    figures.push(
      { what: `${one.name}: steps`, value: losses.length, atLeast: STEPS },
      { what: `${one.name}: steps that were clipped`, value: clipped, atLeast: 1 },
      { what: `${one.name}: largest relative error of a step's loss`, value: Math.max(...losses), atMost: 1e-4 },
      { what: `${one.name}: relative L2 error of the adapter`, value: relativeL2(ours.theta, end), atMost: 1e-3 },
      // B starts at 0, so this is the error of what training did; A hardly moves and would hide it.
      {
        what: `${one.name}: relative L2 error of the B matrices alone`,
        value: relativeL2(part(ours.theta, b), part(end, b)),
      },
    );
  }
  return figures;
}

/** Conversations; the assistant's turns and their end tokens are what is supervised. */
async function chooseRows(context, base) {
  const found = (await realRows(context)).filter(({ messages }) => messages);
  const rows = found
    .map(({ messages }, i) => ({ content: { kind: "messages", messages }, file: "rows", line: i + 1, key: String(i) }))
    .filter(({ content }) => {
      const { length } = base.tokenizer.encode(base.tokenizer.renderChat(content.messages));
      return length >= TOKENS[0] && length <= TOKENS[1];
    });
  return encodeRows(spread(rows, STEPS * ROWS_A_STEP), base.tokenizer, { maxLength: 2 * TOKENS[1], overflow: "error" });
}

async function train(base, encoded, { technique, folder }) {
  const thread = new EngineThread(await engineSettings("cpu", defaultThreads()));
  const optimizer = {
    beta1: RECIPE.adamBeta1,
    beta2: RECIPE.adamBeta2,
    epsilon: RECIPE.adamEpsilon,
    weightDecay: RECIPE.weightDecay,
    maxGradNorm: RECIPE.maxGradNorm,
  };
  try {
    const spec = { base: base.spec, technique, optimizer, fromScratch: false };
    const { tensors, size } = await thread.call("openTrain", [spec]);
    const start = flatten(await readPeftAdapter(join(folder, "start")), tensors);
    const program = {
      tensors,
      size,
      initialize: async () => start,
      step: (state, batches, learningRate) => thread.call("step", [state, batches, learningRate]),
      loss: (theta, batch) => thread.call("loss", [theta, batch]),
      close: () => thread.close(),
    };
    const recipe = { ...RECIPE, technique };
    const { losses, records, theta } = await runTraining({
      program,
      encoded,
      recipe,
      out: join(folder, "ours"),
      resume: false,
    });
    return { losses, records, theta, tensors };
  } finally {
    await thread.close();
  }
}

/** An adapter's tensors as our flat vector. */
function flatten(adapter, tensors) {
  if (adapter.tensors.length !== tensors.length) {
    throw new Error(`PEFT trains ${adapter.tensors.length} tensors, we train ${tensors.length}`);
  }
  const data = new Map(adapter.tensors.map((tensor) => [tensor.name, tensor.data]));
  const vector = new Float32Array(tensors.reduce((total, { size }) => total + size, 0));
  for (const { name, offset } of tensors) vector.set(data.get(name), offset);
  return vector;
}

const part = (vector, tensors) =>
  Float32Array.from(tensors.flatMap(({ offset, size }) => [...vector.subarray(offset, offset + size)]));

function relativeL2(ours, theirs) {
  let [difference, norm] = [0, 0];
  for (const [i, value] of theirs.entries()) {
    difference += (ours[i] - value) ** 2;
    norm += value ** 2;
  }
  return Math.sqrt(difference / norm);
}
