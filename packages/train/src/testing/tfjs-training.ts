import assert from "node:assert/strict";
import { test } from "node:test";
import type { Technique } from "@gitune/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Backend } from "../backends/backend.js";
import { onnxBackend } from "../backends/onnx/session.js";
import { DecodeEngine } from "../engine/decode-engine.js";
import { TrainEngine } from "../engine/train-engine.js";
import type { MicroBatch, OptimizerState } from "../loop/program.js";
import { greedy } from "./greedy.js";
import { rowLanes } from "./row-lanes.js";
import { TINY, tinyBase } from "./tiny-base.js";

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 };
const lora: Technique = { type: "lora", r: 4, alpha: 8, dropout: 0.1, targets: "all-linear", rslora: false };
/** Both compute in f32 and add in another order; AdamW carries the difference from step to step. */
const LOSS_TOLERANCE = 1e-4;

/** Sizes change from step to step, as they do in training: one program serves them all. */
function microBatch(step: number, batch = 2 + (step % 3), length = 40 + 8 * (step % 2)): MicroBatch {
  const ids = BigInt64Array.from({ length: batch * length }, (_, i) =>
    BigInt((i * 7 + step * 5 + ((i * i) % 11)) % TINY.vocabSize),
  );
  const at = Array.from(ids.keys()).filter((i) => i % length !== length - 1 && i % 2 === 0);
  const labels = BigInt64Array.from(at, (i) => ids[i + 1]!);
  return rowLanes({ batch, length, ids, positions: BigInt64Array.from(at, BigInt), labels, dropoutSeed: step });
}

/** One step a batch: losses and the trained vector. `eachStep` is called after each. */
async function train(
  engine: TrainEngine,
  batches: readonly MicroBatch[],
  eachStep: (step: number) => void = () => {},
): Promise<{ readonly losses: readonly number[]; readonly theta: Float32Array }> {
  const theta = await engine.initialize(42);
  let state: OptimizerState = { theta, m: new Float32Array(engine.size), v: new Float32Array(engine.size), step: 0 };
  const losses: number[] = [];
  for (const batch of batches) {
    const done = await engine.step(state, [batch], 0.01);
    losses.push(done.loss);
    state = done.state;
    eachStep(state.step);
  }
  return { losses, theta: state.theta };
}

/** Tests of whole training steps and of decoding on a TensorFlow.js backend: the same as on ONNX Runtime, and no leak. */
export function testTfjsTraining(backend: Backend): void {
  test("20 LoRA steps with dropout have the losses that ONNX Runtime has", async () => {
    await using base = await tinyBase(TINY, "BF16");
    const spec = { base: base.spec, technique: lora, optimizer, fromScratch: false };
    const [got, want] = [new TrainEngine(spec, backend), new TrainEngine(spec, onnxBackend({ threads: 1 }))];
    const batches = Array.from({ length: 20 }, (_, step) => microBatch(step));
    const [{ losses }, { losses: wanted }] = [await train(got, batches), await train(want, batches)];
    for (const [i, loss] of wanted.entries()) {
      assert.ok(Math.abs(losses[i]! - loss) <= LOSS_TOLERANCE * loss, `step ${i + 1}: ${losses[i]}, wanted ${loss}`);
    }
    assert.ok(wanted.at(-1)! < 0.9 * wanted[0]!, "it learns");
    await got.close();
    await want.close();
  });

  test("memory is flat over 200 steps, and all of it is let go at the end", async () => {
    await using base = await tinyBase();
    const engine = new TrainEngine({ base: base.spec, technique: lora, optimizer, fromScratch: false }, backend);
    let start = { numTensors: 0, numBytes: 0 };
    const small = Array.from({ length: 200 }, (_, step) => microBatch(step, 1 + (step % 2), 16 + 8 * (step % 3)));
    await train(engine, small, (step) => {
      const { numTensors, numBytes } = tf.memory();
      if (step === 1) start = { numTensors, numBytes };
      assert.deepEqual({ numTensors, numBytes }, start, `step ${step}`);
    });
    await engine.close();
    assert.equal(tf.memory().numTensors, 0);
  });

  test("two programs over one base hold its weights once", async () => {
    await using base = await tinyBase();
    const engine = new TrainEngine({ base: base.spec, technique: lora, optimizer, fromScratch: false }, backend);
    const theta = await engine.initialize(1);
    await engine.loss(theta, microBatch(1));
    const one = tf.memory().numBytes;
    await train(engine, [microBatch(2)]);
    const weightBytes = Object.values(base.spec.weights ?? {}).reduce((sum, { length }) => sum + length, 0);
    // The training pass and the update came in; what they added are literals.
    assert.ok(tf.memory().numBytes - one < weightBytes / 10, `${tf.memory().numBytes - one} of ${weightBytes} bytes`);
    await engine.close();
  });

  test("full training, whose embedding adds up rows by index, gives the same bytes twice", async () => {
    await using base = await tinyBase();
    const run = async () => {
      const spec = { base: base.spec, technique: { type: "full" } as const, optimizer, fromScratch: false };
      const engine = new TrainEngine(spec, backend);
      const { theta } = await train(
        engine,
        [1, 2, 3].map((step) => microBatch(step)),
      );
      await engine.close();
      return Buffer.from(theta.buffer).toString("hex");
    };
    assert.equal(await run(), await run());
  });

  test("greedy decoding gives the tokens that ONNX Runtime gives", async () => {
    await using base = await tinyBase();
    const prompts = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [11]].map((ids) => Int32Array.from(ids));
    const decode = async (on: Backend) => {
      const engine = new DecodeEngine({ base: base.spec, adapter: null, batch: 2 }, on);
      const rows = await engine.generate(prompts, greedy(12), {
        onProgress: () => {},
        signal: new AbortController().signal,
      });
      await engine.close();
      return rows.map(({ ids }) => [...ids]);
    };
    assert.deepEqual(await decode(backend), await decode(onnxBackend({ threads: 1 })));
  });
}
