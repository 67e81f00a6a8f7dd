import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { LoraTechnique } from "@gitune/core";
import type { Backend } from "../backends/backend.js";
import { onnxBackend } from "../backends/onnx/session.js";
import { greedy } from "../testing/greedy.js";
import { TINY, tinyBase, wave } from "../testing/tiny-base.js";
import { createTuner } from "../tuners/registry.js";
import { DecodeEngine } from "./decode-engine.js";
import { withInt8 } from "./int8-base.js";

const lora: LoraTechnique = { type: "lora", r: 4, alpha: 8, dropout: 0, targets: "all-linear", rslora: false };
const hooks = { onProgress: () => {}, signal: new AbortController().signal };
const GREEDY = greedy(40);
/** Wide enough that sums run over several of the kernels' blocks; long enough for a prompt in two passes. */
const WIDE = {
  ...TINY,
  hiddenSize: 144,
  intermediateSize: 304,
  heads: 4,
  kvHeads: 2,
  headDim: 36,
  vocabSize: 96,
  maxPositions: 512,
};

/** 21 prompts of 1 to 300 tokens. */
const PROMPTS = Array.from({ length: 21 }, (_, row) => {
  const length = row === 20 ? 300 : 1 + ((row * 37) % 70);
  return Int32Array.from({ length }, (_, t) => (row * 13 + t * 7 + ((t * t) % 11)) % WIDE.vocabSize);
});

/** A backend that notes the sha256 of each row of logits that its programs put out. */
function watched(backend: Backend, rows: string[]): Backend {
  return {
    name: backend.name,
    compile: async (outputs) => {
      const program = await backend.compile(outputs);
      return {
        run: async (feeds, into) => {
          const out = await program.run(feeds, into);
          const { data, shape } = out["logits"]!;
          const [count, vocab] = shape as [number, number];
          for (let row = 0; row < count; row++) {
            const bytes = new Uint8Array(data.buffer, data.byteOffset + row * vocab * 4, vocab * 4);
            rows.push(createHash("sha256").update(bytes).digest("hex"));
          }
          return out;
        },
        close: () => program.close(),
      };
    },
  };
}

test("int8: bits do not depend on the batch either", async () => {
  await using base = await tinyBase(WIDE);
  const cacheDir = await mkdtemp(join(tmpdir(), "gitune-int8-"));
  try {
    const spec = { base: base.spec, adapter: null, int8: { baseSha256: "wide", cacheDir } };
    const runs: { ids: number[][]; logits: string[] }[] = [];
    for (const batch of [1, 7]) {
      const logits: string[] = [];
      const backend = watched(onnxBackend({ threads: batch === 1 ? 1 : 2 }), logits);
      const engine = new DecodeEngine({ ...(await withInt8(spec)), batch }, backend);
      const answers = await engine.generate(PROMPTS, greedy(8), hooks);
      runs.push({ ids: answers.map(({ ids }) => [...ids]), logits: logits.sort() });
      await engine.close();
    }
    assert.deepEqual(runs[0], runs[1]);
  } finally {
    await rm(cacheDir, { recursive: true });
  }
});

test("a row that needs no more ends, the others go on, and tokens are reported as they come", async () => {
  await using base = await tinyBase();
  const engine = new DecodeEngine({ base: base.spec, adapter: null, batch: 2 }, onnxBackend({ threads: 1 }));
  const prompts = [[1, 2, 3], [9, 9], [4], [5, 6]].map((ids) => Int32Array.from(ids));
  const whole = await engine.generate(prompts, GREEDY, hooks);
  const ended = new Set<number>();
  const reported: number[][] = prompts.map(() => []);
  const done: number[] = [];
  const answers = await engine.generate(
    prompts,
    { ...GREEDY, reportTokens: true },
    {
      ...hooks,
      ended,
      onProgress: (count) => done.push(count),
      onTokens: (tokens) => {
        for (const [row, id] of tokens) if (reported[row]!.push(id) === 5 && row === 1) ended.add(row);
      },
    },
  );
  for (const [row, { ids, stop }] of answers.entries()) {
    assert.deepEqual([...ids], reported[row]);
    // The row hears of it with its next token.
    const length = row === 1 ? 6 : GREEDY.maxNewTokens;
    assert.deepEqual([ids.length, stop], [length, row === 1 ? "ended" : "length"]);
    assert.deepEqual([...ids], [...whole[row]!.ids.slice(0, length)]);
  }
  assert.deepEqual(done, [1, 2, 3, 4]);
  await engine.close();
});

for (const [name, technique] of [
  ["the bare base", null],
  ["an adapter", lora],
] as const) {
  test(`${name}: a row's text and its logits' last bits are the same in every batch, by any number of threads`, async () => {
    await using base = await tinyBase(WIDE);
    const size = technique ? createTuner(technique, base.spec.config, null).size : 0;
    const adapter = technique
      ? { technique, theta: Float32Array.from({ length: size }, (_, i) => wave(i) * 0.1) }
      : null;
    const seen: { texts: number[][]; logits: string[] }[] = [];
    for (const [batch, threads] of [
      [1, 1],
      [1, 4],
      [2, 2],
      [7, 2],
      [16, 3],
    ] as const) {
      const logits: string[] = [];
      const backend = watched(onnxBackend({ threads }), logits);
      const engine = new DecodeEngine({ base: base.spec, adapter, batch }, backend);
      const answers = await engine.generate(PROMPTS, GREEDY, hooks);
      seen.push({ texts: answers.map(({ ids }) => [...ids]), logits: logits.sort() });
      await engine.close();
    }
    for (const run of seen) assert.deepEqual(run, seen[0]);
    assert.ok(new Set(seen[0]!.logits).size > PROMPTS.length * GREEDY.maxNewTokens * 0.9, "rows that differ");
  });
}
