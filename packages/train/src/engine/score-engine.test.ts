import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoraTechnique } from "@gitune/core";
import { onnxBackend } from "../backends/onnx/session.js";
import { referenceBackend } from "../backends/reference/run.js";
import { rowLanes } from "../testing/row-lanes.js";
import { TINY, tinyBase, wave } from "../testing/tiny-base.js";
import { DecodeEngine } from "./decode-engine.js";
import { ScoreEngine } from "./score-engine.js";
import { TrainEngine } from "./train-engine.js";

const technique: LoraTechnique = { type: "lora", r: 4, alpha: 8, dropout: 0, targets: "all-linear", rslora: true };
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
const row = Int32Array.from({ length: 9 }, (_, t) => (t * 7 + 3) % TINY.vocabSize);
const backend = onnxBackend({ threads: 1 });

test("a row's logits give the loss that training computes, with and without an adapter", async () => {
  await using base = await tinyBase();
  const training = new TrainEngine({ base: base.spec, technique, optimizer, fromScratch: false }, backend);
  const changed = Float32Array.from({ length: training.size }, (_, i) => 0.1 * wave(i + 7));
  const ids = new BigInt64Array(72);
  for (const [t, id] of row.entries()) ids[t] = BigInt(id);
  const batch = rowLanes({
    batch: 1,
    length: ids.length,
    ids,
    positions: BigInt64Array.from({ length: row.length - 1 }, (_, t) => BigInt(t)),
    labels: ids.slice(1, row.length),
  });
  for (const theta of [new Float32Array(training.size), changed]) {
    const expected = await training.loss(theta, batch);
    for (const on of [backend, referenceBackend]) {
      const engine = new ScoreEngine({ base: base.spec, adapter: { technique, theta } }, on);
      const loss = meanLoss(await engine.logits(row));
      assert.ok(Math.abs(loss - expected) < 1e-5 * expected, `${on.name}: ${loss}, training says ${expected}`);
      await engine.close();
    }
  }
  await training.close();
});

test("the likeliest token of a row's logits is the one that is generated", async () => {
  await using base = await tinyBase();
  const engine = new ScoreEngine({ base: base.spec, adapter: null }, backend);
  const decoding = new DecodeEngine({ base: base.spec, adapter: null, batch: 2 }, backend);
  const [generated] = await decoding.generate(
    [row],
    { maxNewTokens: 6, temperature: 0, topP: 1, topK: 0, repetitionPenalty: 1, seed: 0, eosIds: [] },
    { onProgress: () => {}, signal: new AbortController().signal },
  );
  const whole = Int32Array.from([...row, ...generated!.ids]);
  const logits = await engine.logits(whole);
  for (const [i, id] of generated!.ids.entries()) {
    const at = (row.length - 1 + i) * TINY.vocabSize;
    const next = logits.subarray(at, at + TINY.vocabSize);
    assert.equal(next.indexOf(Math.max(...next)), id);
  }
  await engine.close();
  await decoding.close();
});

/** Mean over the row's tokens but the first, nats. */
function meanLoss(logits: Float32Array): number {
  let sum = 0;
  for (const [t, id] of row.subarray(1).entries()) {
    const at = logits.subarray(t * TINY.vocabSize, (t + 1) * TINY.vocabSize);
    sum += Math.log(at.reduce((total, logit) => total + Math.exp(logit), 0)) - at[id]!;
  }
  return sum / (row.length - 1);
}
