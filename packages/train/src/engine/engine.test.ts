import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { LoraTechnique } from "@gitune/core";
import { onnxBackend } from "../backends/onnx/session.js";
import { referenceBackend } from "../backends/reference/run.js";
import { type MicroPlan, makeMicroBatch, makeStepBatches, planTraining } from "../data/batches.js";
import type { MicroBatch, OptimizerState } from "../loop/program.js";
import { fixedRows } from "../testing/fixed-rows.js";
import { greedy } from "../testing/greedy.js";
import { rowLanes } from "../testing/row-lanes.js";
import { TINY, tinyBase, VARIED, wave } from "../testing/tiny-base.js";
import { DecodeEngine, type DecodeOptions } from "./decode-engine.js";
import { withInt8 } from "./int8-base.js";
import { TrainEngine } from "./train-engine.js";

const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 };
const lora: LoraTechnique = { type: "lora", r: 4, alpha: 8, dropout: 0, targets: "all-linear", rslora: false };
const hooks = { onProgress: () => {}, signal: new AbortController().signal };
const GREEDY = greedy(12);

/** A pass over tokens that look random; every second position carries a label. */
function microBatch(batch: number, length: number, salt: number): MicroBatch {
  const ids = BigInt64Array.from({ length: batch * length }, (_, i) =>
    BigInt((i * 7 + salt * 5 + ((i * i) % 11)) % TINY.vocabSize),
  );
  const at = Array.from({ length: batch * length }, (_, i) => i).filter(
    (i) => i % length !== length - 1 && i % 2 === 0,
  );
  return rowLanes({
    batch,
    length,
    ids,
    positions: BigInt64Array.from(at, BigInt),
    labels: BigInt64Array.from(at, (i) => ids[i + 1]!),
    dropoutSeed: salt,
  });
}

async function start(engine: TrainEngine): Promise<OptimizerState> {
  const theta = await engine.initialize(42);
  return { theta, m: new Float32Array(engine.size), v: new Float32Array(engine.size), step: 0 };
}

function relativeError(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (const [i, value] of a.entries()) {
    difference += (value - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

const VARIANTS = Object.entries({ "the plain decoder": TINY, "the most varied one": VARIED });

for (const [[variant, config], technique] of VARIANTS.flatMap((of) =>
  [lora, { type: "full" } as const].map((technique) => [of, technique] as const),
)) {
  test(`${technique.type}, ${variant}: three steps on ONNX Runtime equal the float64 reference`, async () => {
    await using base = await tinyBase(config);
    const spec = { base: base.spec, technique, optimizer, fromScratch: false };
    const [fast, slow] = [new TrainEngine(spec, onnxBackend({ threads: 2 })), new TrainEngine(spec, referenceBackend)];
    let [a, b] = [await start(fast), await start(slow)];
    assert.deepEqual(a.theta, b.theta);
    for (let step = 1; step <= 3; step++) {
      const batches = [microBatch(2, 8, step), microBatch(2, 6, step + 10)].map((batch) => ({
        ...batch,
        weights: batch.weights.map((weight) => weight / 2),
      }));
      const [x, y] = [await fast.step(a, batches, 0.01), await slow.step(b, batches, 0.01)];
      assert.ok(Math.abs(x.loss - y.loss) < 1e-5 * y.loss, `loss ${x.loss} and ${y.loss}`);
      assert.ok(Math.abs(x.gradNorm - y.gradNorm) < 1e-4 * y.gradNorm, `norm ${x.gradNorm} and ${y.gradNorm}`);
      [a, b] = [x.state, y.state];
    }
    // AdamW divides by |g|: where a gradient is near 0, f32 and f64 may step apart by a visible part of the rate.
    assert.ok(relativeError(a.theta, b.theta) < 1e-3, `theta ${relativeError(a.theta, b.theta)}`);
    await fast.close();
  });
}

test("one thread and two threads train to the same bytes, with weights that are packed or mapped", async () => {
  await using base = await tinyBase();
  const trained = async (mmap: boolean, threads: number): Promise<Float32Array> => {
    const spec = { base: base.spec, technique: lora, optimizer, fromScratch: false, mmap };
    const engine = new TrainEngine(spec, onnxBackend({ threads }));
    let state = await start(engine);
    for (let step = 1; step <= 5; step++) state = (await engine.step(state, [microBatch(4, 8, step)], 0.01)).state;
    await engine.close();
    return state.theta;
  };
  const [packed, mapped] = [await trained(false, 1), await trained(true, 1)];
  assert.deepEqual(await trained(false, 2), packed);
  assert.deepEqual(await trained(true, 2), mapped);
  assert.ok(relativeError(mapped, packed) < 1e-4, `${relativeError(mapped, packed)}`);
});

for (const [config, dropout] of [
  [TINY, 0],
  [TINY, 0.3],
  [VARIED, 0.3],
] as const) {
  const variant = `${config === TINY ? "plain" : "most varied"} decoder, dropout ${dropout}`;
  test(`rows that share a lane have the loss and the gradient of rows that do not: ${variant}`, async () => {
    await using base = await tinyBase(config);
    const lengths = [9, 4, 3, 2, 30, 20, 11];
    const encoded = fixedRows(
      lengths.map((length, row) => Array.from({ length }, (_, i) => (row * 13 + i * 5) % TINY.vocabSize)),
    );
    const order = lengths.map((_, row) => row).sort((a, b) => lengths[b]! - lengths[a]!);
    const plans: MicroPlan[] = [
      { lanes: [[4], [5, 0], [6, 1, 2, 3]], length: 32 },
      { lanes: order.map((row) => [row]), length: 32 },
    ];
    const [packed, apart] = plans.map((plan) => makeMicroBatch(encoded, plan, 1 / 60, 7)) as [MicroBatch, MicroBatch];
    const engine = new TrainEngine(
      { base: base.spec, technique: { ...lora, dropout }, optimizer, fromScratch: false },
      referenceBackend,
    );
    const theta = Float32Array.from({ length: engine.size }, (_, i) => wave(i) * 0.3);
    const state = { ...(await start(engine)), theta };
    const [one, other] = [await engine.step(state, [packed], 0.01), await engine.step(state, [apart], 0.01)];
    assert.ok(Math.abs(one.loss - other.loss) < 1e-7 * other.loss, `${one.loss} and ${other.loss}`);
    assert.ok(relativeError(one.state.m, other.state.m) < 1e-6, "gradients");
    const fast = new TrainEngine(
      { base: base.spec, technique: { ...lora, dropout }, optimizer, fromScratch: false },
      onnxBackend({ threads: 2 }),
    );
    for (const batch of [packed, apart]) {
      const { loss } = await fast.step(state, [batch], 0);
      assert.ok(Math.abs(loss - one.loss) < 1e-5 * one.loss, `${loss} on ONNX Runtime`);
    }
    await fast.close();
  });
}

test("a run with packing, and one with smaller passes, is the run without: the same losses, dropout on", async () => {
  await using base = await tinyBase();
  const lengths = [9, 40, 3, 22, 30, 20, 11, 17, 6, 28];
  const encoded = fixedRows(
    lengths.map((length, row) => Array.from({ length }, (_, i) => (row * 13 + i * 5) % TINY.vocabSize)),
  );
  const losses = [];
  for (const [packing, microBatchSize] of [
    [false, 4],
    [true, 4],
    [false, 1],
  ] as const) {
    const plan = planTraining(encoded, { batchSize: 4, microBatchSize, packing, epochs: 3, maxSteps: null, seed: 42 });
    const spec = { base: base.spec, technique: { ...lora, dropout: 0.1 }, optimizer, fromScratch: false };
    const engine = new TrainEngine(spec, onnxBackend({ threads: 2 }));
    let state = await start(engine);
    const run = [];
    for (let index = 0; index < plan.totalSteps; index++) {
      const step = await engine.step(state, makeStepBatches(encoded, plan.step(index), 42), 0.01);
      state = step.state;
      run.push(step.loss);
    }
    losses.push(run);
    await engine.close();
  }
  const [plain, ...others] = losses;
  for (const run of others)
    for (const [step, loss] of run.entries())
      assert.ok(Math.abs(loss - plain![step]!) < 1e-5 * plain![step]!, `step ${step}: ${loss} and ${plain![step]}`);
});

test("int8: ONNX Runtime computes what the reference does, and near what f32 computes", async () => {
  await using base = await tinyBase();
  const spec = { base: base.spec, technique: lora, optimizer, fromScratch: false };
  const cacheDir = await mkdtemp(join(tmpdir(), "gitune-int8-"));
  const inInt8 = () => withInt8({ ...spec, int8: { baseSha256: "tiny", cacheDir } });
  try {
    const exact = new TrainEngine(spec, onnxBackend({ threads: 1 }));
    const fast = new TrainEngine(await inInt8(), onnxBackend({ threads: 2 }));
    // The second one finds the copy that the first one made.
    const inSlow = await inInt8();
    const slow = new TrainEngine(inSlow, referenceBackend);
    const kept = inSlow.base.int8!;
    assert.equal(kept["model.embed_tokens"]?.backward, null, "the head has logits in 8 bits, its gradient is f32's");
    assert.ok(kept["model.layers.0.self_attn.q_proj"]?.backward);
    const state = {
      ...(await start(exact)),
      theta: Float32Array.from({ length: exact.size }, (_, i) => wave(i) * 0.3),
    };
    const batches = [microBatch(4, 20, 3)];
    const [f32, int8, oracle] = [
      await exact.step(state, batches, 0.01),
      await fast.step(state, batches, 0.01),
      await slow.step(state, batches, 0.01),
    ];
    // A value at the edge between two steps of 8 bits may fall to either side in f32 and f64.
    assert.ok(Math.abs(int8.loss - oracle.loss) < 1e-3 * oracle.loss, `loss ${int8.loss} and ${oracle.loss}`);
    assert.ok(relativeError(int8.state.m, oracle.state.m) < 0.02, `${relativeError(int8.state.m, oracle.state.m)}`);
    assert.ok(Math.abs(int8.loss - f32.loss) < 5e-3 * f32.loss, `loss ${int8.loss} and ${f32.loss} in f32`);
    const distance = relativeError(int8.state.m, f32.state.m);
    assert.ok(distance > 1e-5 && distance < 0.1, `gradients ${distance} from f32's`);
    const again = new TrainEngine(await inInt8(), onnxBackend({ threads: 1 }));
    assert.deepEqual((await again.step(state, batches, 0.01)).state.theta, int8.state.theta, "one thread and two");
    for (const engine of [exact, fast, again]) await engine.close();
  } finally {
    await rm(cacheDir, { recursive: true });
  }
});

test("an update without training changes nothing: its loss is the bare base's", async () => {
  await using base = await tinyBase();
  const backend = onnxBackend({ threads: 2 });
  const engine = new TrainEngine({ base: base.spec, technique: lora, optimizer, fromScratch: false }, backend);
  const zero = await engine.loss(new Float32Array(engine.size), microBatch(2, 8, 1));
  assert.equal(await engine.loss(await engine.initialize(1), microBatch(2, 8, 1)), zero);
  await engine.close();
});

test("dropout changes the training loss, by its seed alone, and never the evaluation loss", async () => {
  await using base = await tinyBase();
  const backend = onnxBackend({ threads: 2 });
  const engine = new TrainEngine(
    { base: base.spec, technique: { ...lora, dropout: 0.5 }, optimizer, fromScratch: false },
    backend,
  );
  const state = { ...(await start(engine)), theta: Float32Array.from({ length: engine.size }, (_, i) => wave(i)) };
  const lossOf = async (salt: number) =>
    (await engine.step(state, [{ ...microBatch(2, 8, 1), dropoutSeeds: microBatch(2, 8, salt).dropoutSeeds }], 0)).loss;
  assert.equal(await lossOf(1), await lossOf(1));
  assert.notEqual(await lossOf(1), await lossOf(2));
  assert.notEqual(await lossOf(1), await engine.loss(state.theta, microBatch(2, 8, 1)));
  await engine.close();
});

const adapterOf = (size: number) => Float32Array.from({ length: size }, (_, i) => wave(i) * 0.3);
for (const [name, theta, config] of [
  ["the bare base", null, TINY],
  ["an adapter", adapterOf, TINY],
  ["an adapter of the most varied decoder", adapterOf, VARIED],
] as const) {
  test(`${name}: decoding over the cache equals reading the whole text anew at every token`, async () => {
    await using base = await tinyBase(config);
    const backend = onnxBackend({ threads: 2 });
    const size = new TrainEngine({ base: base.spec, technique: lora, optimizer, fromScratch: false }, backend).size;
    const adapter = theta ? { technique: lora, theta: theta(size) } : null;
    const prompts = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [11]].map((ids) => Int32Array.from(ids));
    const batched = new DecodeEngine({ base: base.spec, adapter, batch: 2 }, backend);
    const out = await batched.generate(prompts, GREEDY, hooks);
    const anew = new DecodeEngine({ base: base.spec, adapter, batch: 1 }, backend);
    for (const [row, prompt] of prompts.entries()) {
      let text = [...prompt];
      for (let made = 0; made < GREEDY.maxNewTokens; made++) {
        const [one] = await anew.generate([Int32Array.from(text)], greedy(1), hooks);
        text = [...text, ...one!.ids];
      }
      assert.deepEqual([...out[row]!.ids], text.slice(prompt.length), `row ${row}`);
      assert.equal(out[row]!.stop, "length");
    }
    await batched.close();
    await anew.close();
  });
}

test("generation ends at EOS, which is not part of the text", async () => {
  await using base = await tinyBase();
  const engine = new DecodeEngine({ base: base.spec, adapter: null, batch: 2 }, onnxBackend({ threads: 2 }));
  const prompts = [Int32Array.of(1, 2, 3)];
  const [free] = await engine.generate(prompts, GREEDY, hooks);
  const eos = free!.ids[3]!;
  const [ended] = await engine.generate(prompts, { ...GREEDY, eosIds: [eos] }, hooks);
  assert.equal(ended!.stop, "eos");
  assert.deepEqual([...ended!.ids], [...free!.ids.slice(0, free!.ids.indexOf(eos))]);
  await engine.close();
});

test("sampling depends on the seed, not on the batch", async () => {
  await using base = await tinyBase();
  const backend = onnxBackend({ threads: 2 });
  const prompts = [[1, 2, 3], [9, 9], [4]].map((ids) => Int32Array.from(ids));
  const options: DecodeOptions = { ...GREEDY, temperature: 1, topK: 8, topP: 0.9, seed: 7 };
  const texts = [];
  for (const batch of [1, 3]) {
    const engine = new DecodeEngine({ base: base.spec, adapter: null, batch }, backend);
    texts.push((await engine.generate(prompts, options, hooks)).map(({ ids }) => [...ids]));
    await engine.close();
  }
  assert.deepEqual(texts[0], texts[1]);
});

test("a canceled generation stops between tokens", async () => {
  await using base = await tinyBase();
  const engine = new DecodeEngine({ base: base.spec, adapter: null, batch: 1 }, onnxBackend({ threads: 1 }));
  const controller = new AbortController();
  controller.abort();
  await assert.rejects(engine.generate([Int32Array.of(1)], GREEDY, { ...hooks, signal: controller.signal }), {
    name: "AbortError",
  });
  await engine.close();
});
