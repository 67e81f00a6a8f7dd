/** Every family against transformers and PEFT: logits, generation over the cache, training (golden/families/PROVENANCE.md). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Feeds, Tensor } from "../../backends/backend.js";
import { onnxBackend } from "../../backends/onnx/session.js";
import { tfjsBackend } from "../../backends/tfjs/session.js";
import { type BaseSpec, closedSizes, frozenWeights } from "../../engine/base-spec.js";
import { DecodeEngine } from "../../engine/decode-engine.js";
import { cacheNames } from "../../engine/kv-cache.js";
import { PlaceFeeds } from "../../engine/pass-feeds.js";
import { TrainEngine } from "../../engine/train-engine.js";
import { Graph, type Node } from "../../ir/node.js";
import type { Shape } from "../../ir/shape.js";
import { verifyGraph } from "../../ir/verify.js";
import type { OptimizerState } from "../../loop/program.js";
import type { Params } from "../../nn/params.js";
import { expandComposites } from "../../passes/expand-composites.js";
import { assertTrainsAs } from "../../testing/assert-trains-as.js";
import { assertClose } from "../../testing/compare.js";
import { greedy } from "../../testing/greedy.js";
import { goldenTrainingGraph, readGolden, readGoldenBase, readGoldenBatch } from "../../testing/llama-golden.js";
import { openSafetensors, readSafetensorsHeader, readTensorEntry } from "../../weights/safetensors.js";
import { extendGraph } from "../llama/decoding.js";
import { laneBlocks, laneLength, laneShape } from "../llama/lanes.js";
import { llamaLinears, llamaTensors } from "../llama/tensors.js";
import { llamaLogits } from "../llama/training.js";

const FOLDER = new URL("../../../test/golden/families/", import.meta.url);
const pathOf = (path: string): string => fileURLToPath(new URL(path, FOLDER));
const MODELS = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
/** Training cases of a model: what has its own document, but for the bare model's. */
const casesOf = (model: string): string[] =>
  readdirSync(pathOf(model)).flatMap((file) => /^(?!config|bare)(.+)\.json$/.exec(file)?.[1] ?? []);

/** f32 on both sides, sums in another order. */
const LOGITS = 1e-5;
/** Relative to the largest loss, after three steps of AdamW. */
const LOSSES = 1e-5;

/** That a long lane is computed in. */
const BLOCKS = laneBlocks(2048);

const backend = onnxBackend({ threads: 1 });

test("there is a model of every family and every variant", () => {
  assert.deepEqual(MODELS.sort(), [
    "llama-biases",
    "llama-rope-linear",
    "llama-rope-llama3",
    "llama-rope-yarn",
    "llama-tied-mha",
    "llama-untied-gqa",
    "mistral-window",
    "qwen2-window",
    "qwen3",
  ]);
});

for (const model of MODELS) {
  describe(model, () => {
    test("llamaTensors names every tensor of the checkpoint, and no other", async () => {
      const { config } = await readGoldenBase(model, "families");
      const stored = await openSafetensors(pathOf(model));
      const shapes = (entries: Iterable<readonly [string, Shape]>) => new Map([...entries].sort());
      assert.deepEqual(
        shapes(llamaTensors(config).map(({ name, shape }) => [name, shape])),
        shapes([...stored].map(([name, { shape }]) => [name, shape])),
      );
      for (const { module, dIn, dOut, bias } of llamaLinears(config)) {
        assert.deepEqual(stored.get(`${module}.weight`)?.shape, [dOut, dIn]);
        assert.equal(stored.has(`${module}.bias`), bias);
      }
    });

    test("logits at every position of two ragged rows, and of the tokens after them", async () => {
      const base = await readGoldenBase(model, "families");
      const { rows, logits, continued, chosenBy } = await readBare(model);
      const got = await logitsOf(base, continued);
      for (const [i, row] of rows.entries()) {
        assertClose(got[i]!.slice(0, row.length).flat(), logits[i]!.slice(0, row.length).flat(), LOGITS, `row ${i}`);
        const after = got[i]!.slice(row.length - 1, continued[i]!.length);
        assertClose(after.flat(), chosenBy[i]!.flat(), LOGITS, `after row ${i}`);
      }
    });

    test("logits of one more token over the cache", async () => {
      const base = await readGoldenBase(model, "families");
      const { continued, chosenBy } = await readBare(model);
      const got = await stepLogits(base, continued);
      assertClose(
        got,
        chosenBy.flatMap((steps) => steps.at(-1)!),
        LOGITS,
        "the last step",
      );
    });

    test("8 greedy tokens", async () => {
      const { rows, tokens } = await readBare(model);
      const base = await readGoldenBase(model, "families");
      const engine = new DecodeEngine({ base, adapter: null, batch: rows.length }, backend);
      try {
        const hooks = { onProgress: () => {}, signal: new AbortController().signal };
        const answers = await engine.generate(
          rows.map((ids) => Int32Array.from(ids)),
          greedy(8),
          hooks,
        );
        assert.deepEqual(
          answers.map(({ ids }) => [...ids]),
          tokens,
        );
      } finally {
        await engine.close();
      }
    });

    for (const name of casesOf(model)) {
      test(`trains as in PyTorch and PEFT: ${name}`, async () => {
        const golden = await readGolden(`${model}/${name}`, "families");
        const { loss, grad } = goldenTrainingGraph(golden);
        verifyGraph([loss, grad]);
        verifyGraph(expandComposites([loss, grad]), { lowered: true });
        await assertTrainsAs(golden, backend);
        await assertTrainsAs({ ...golden, blocks: BLOCKS }, backend);
      });

      test(`takes the same steps in the engine, laid out by its own tuner: ${name}`, async () => {
        const { base, technique, optimizer, ...golden } = await readGolden(`${model}/${name}`, "families");
        const engine = new TrainEngine({ base, technique, optimizer, fromScratch: false, longestLane: 2048 }, backend);
        try {
          const zeros = () => new Float32Array(engine.size);
          let state: OptimizerState = { theta: zeros(), m: zeros(), v: zeros(), step: 0 };
          assert.deepEqual(
            engine.tensors.map((tensor) => tensor.name).sort(),
            golden.trained.map((tensor) => tensor.name).sort(),
          );
          for (const { name: tensor, offset, size } of engine.tensors) {
            const from = golden.trained.find((one) => one.name === tensor)!.offset;
            state.theta.set(golden.start.subarray(from, from + size), offset);
          }
          const losses: number[] = [];
          for (const learningRate of golden.learningRates) {
            const step = await engine.step(state, [golden.batch], learningRate);
            losses.push(step.loss);
            state = step.state;
          }
          losses.push(await engine.loss(state.theta, golden.batch));
          assertClose(losses, golden.losses, LOSSES, "losses");
        } finally {
          await engine.close();
        }
      });
    }
  });
}

// One model of each new part is enough: op by op the backends agree (testing/backend-parity.ts).
describe("on TensorFlow.js too", () => {
  for (const name of ["qwen2-window/full", "qwen3/lora-all", "llama-biases/lora-all"]) {
    test(name, async () => {
      await assertTrainsAs(await readGolden(name, "families"), tfjsBackend({ runtime: "tfjs-wasm", threads: 1 }));
    });
  }
});

interface Bare {
  readonly rows: readonly number[][];
  /** Of each row, padding included. */
  readonly logits: readonly number[][][];
  readonly tokens: readonly number[][];
  /** What each token was the largest of. */
  readonly chosenBy: readonly number[][][];
  /** Rows and all tokens but the last, from which no more was generated. */
  readonly continued: readonly number[][];
}

async function readBare(model: string): Promise<Bare> {
  const { batch, length, ids } = readGoldenBatch("families");
  const stored = JSON.parse(readFileSync(pathOf(`${model}/bare.json`), "utf8")) as {
    readonly lengths: readonly number[];
    readonly generated: readonly number[][];
  };
  const { tensors } = await readSafetensorsHeader(pathOf(`${model}/bare.safetensors`));
  const cube = async (name: string): Promise<number[][][]> => {
    const entry = tensors.get(name)!;
    return split(split(Array.from(await readTensorEntry(entry)), entry.shape[2]!), entry.shape[1]!);
  };
  const rows = Array.from({ length: batch }, (_, row) =>
    Array.from(ids.subarray(row * length, row * length + stored.lengths[row]!), Number),
  );
  const tokens = stored.generated;
  const continued = rows.map((row, i) => [...row, ...tokens[i]!.slice(0, -1)]);
  return { rows, logits: await cube("logits"), tokens, chosenBy: await cube("generated"), continued };
}

/** Runs of `size` values. */
const split = <T>(values: readonly T[], size: number): T[][] =>
  Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));

/** The inputs of a pass over right-padded rows. */
function rowFeeds(base: BaseSpec, rows: readonly number[][]): { readonly length: number; readonly feeds: Feeds } {
  const length = laneLength(Math.max(...rows.map((row) => row.length)), BLOCKS);
  const shape = laneShape(rows.length, length, BLOCKS);
  const perToken = (value: (row: readonly number[], t: number) => number) => ({
    data: BigInt64Array.from(rows.flatMap((row) => Array.from({ length }, (_, t) => BigInt(value(row, t))))),
    shape,
  });
  const feeds = {
    ids: perToken((row, t) => row[t] ?? 0),
    positionIds: perToken((_, t) => t),
    rowStarts: { data: new Float32Array(rows.length * length), shape },
    ...new PlaceFeeds(base.config).alongLane(length, BLOCKS),
  };
  return { length, feeds };
}

/** The bare model's parameters. */
const bareParams = (base: BaseSpec, graph: Graph): Params => ({ ...frozenWeights(graph, base), update: () => null });

async function runOnce(
  outputs: Readonly<Record<string, Node>>,
  feeds: Feeds,
): Promise<Readonly<Record<string, Tensor>>> {
  const program = await backend.compile(outputs);
  try {
    return await program.run(feeds);
  } finally {
    await program.close();
  }
}

/** Logits at every place of every row. */
async function logitsOf(base: BaseSpec, rows: readonly number[][]): Promise<number[][][]> {
  const graph = new Graph(closedSizes(base.config, null));
  const { length, feeds } = rowFeeds(base, rows);
  const everywhere = BigInt64Array.from({ length: rows.length * length }, (_, place) => BigInt(place));
  const out = await runOnce(
    { logits: llamaLogits(graph, base.config, bareParams(base, graph), BLOCKS) },
    { ...feeds, positions: { data: everywhere, shape: [everywhere.length] } },
  );
  return split(split(Array.from(out["logits"]!.data as Float32Array), base.config.vocabSize), length);
}

/** Logits after each row's last token, which meets the others in a cache. */
async function stepLogits(base: BaseSpec, rows: readonly number[][]): Promise<number[]> {
  const { config } = base;
  const graph = new Graph(closedSizes(config, null), 1);
  const program = await backend.compile(extendGraph(graph, config, bareParams(base, graph)));
  const { length, feeds } = rowFeeds(base, rows);
  const [batch, nowhere] = [rows.length, 1e6];
  const long = (values: readonly number[], shape: readonly number[]) => ({
    data: BigInt64Array.from(values, BigInt),
    shape,
  });
  const positions = (values: readonly number[][]) => ({
    data: Float32Array.from(values.flat()),
    shape: [batch, values[0]!.length],
  });
  const empty = cacheNames(config.layers).map((name) => [
    `past.${name}`,
    {
      data: new Float32Array(batch * config.kvHeads * config.headDim),
      shape: [batch, config.kvHeads, 1, config.headDim],
    },
  ]);
  // Over a cache, a pass' tokens are in no blocks.
  const flat = ({ data }: Tensor): Tensor => ({ data, shape: [batch, length] });
  const read = await program.run({
    ...feeds,
    ids: flat(feeds["ids"]!),
    positionIds: flat(feeds["positionIds"]!),
    ...Object.fromEntries(empty),
    keyPositions: positions(rows.map(() => [nowhere, ...Array.from({ length }, (_, t) => t)])),
    ends: long([0], [1]),
  });
  const { logits: _logits, ...cache } = read;
  const step = await program.run({
    ...new PlaceFeeds(config).upTo(length + 1),
    ...Object.fromEntries(Object.entries(cache).map(([name, tensor]) => [`past.${name}`, tensor])),
    ids: long(
      rows.map((row) => row.at(-1)!),
      [batch, 1],
    ),
    positionIds: long(
      rows.map((row) => row.length - 1),
      [batch, 1],
    ),
    keyPositions: positions(
      rows.map((row) => [...Array.from({ length }, (_, t) => (t < row.length - 1 ? t : nowhere)), row.length - 1]),
    ),
    ends: long([...rows.keys()], [batch]),
  });
  await program.close();
  return Array.from(step["logits"]!.data as Float32Array);
}
