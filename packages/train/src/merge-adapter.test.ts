import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GituneError, type LoraTechnique } from "@gitune/core";
import { writePeftAdapter } from "./adapter/peft.js";
import type { Base } from "./base.js";
import { mergeAdapter } from "./merge-adapter.js";
import { llamaLinears } from "./models/llama/tensors.js";
import { TINY, tinyBase, wave } from "./testing/tiny-base.js";
import { loraTuner } from "./tuners/lora/tuner.js";
import { readSafetensorsHeader } from "./weights/safetensors.js";

const technique: LoraTechnique = {
  type: "lora",
  r: 4,
  alpha: 8,
  dropout: 0,
  targets: ["q_proj", "down_proj"],
  rslora: true,
};

/** A tiny base and, below its folder, an adapter that changes it visibly. */
async function baseAndAdapter(dtype: "F32" | "BF16") {
  const tiny = await tinyBase(TINY, dtype);
  const base = { id: "tiny", config: TINY, spec: tiny.spec, copyModelFiles: async () => {} } as unknown as Base;
  const { tensors } = loraTuner(llamaLinears(TINY), technique);
  const adapter = join(tiny.folder, "adapter");
  await writePeftAdapter(adapter, {
    technique,
    baseId: "tiny",
    revision: null,
    targets: ["q_proj", "down_proj"],
    taskType: "CAUSAL_LM",
    tensors: tensors.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      data: Float32Array.from({ length: size }, (_, i) => 0.2 * wave(offset + i)),
    })),
  });
  return { tiny, base, adapter, out: join(tiny.folder, "merged") };
}

test("a merged model says what the adapter on its base says", async () => {
  const { tiny, base, adapter, out } = await baseAndAdapter("F32");
  await using _ = tiny;
  const { error, folder } = await mergeAdapter({ base, adapter, out, threads: 1 });
  assert.ok(error < 1e-5, `off by ${error}`);
  const { tensors } = await readSafetensorsHeader(join(folder, "model.safetensors"));
  assert.deepEqual(new Set(tensors.keys()), new Set(Object.keys(tiny.spec.weights!)));
});

test("a merge that the storage type rounds away is refused and leaves nothing; in float32 it is kept", async () => {
  const { tiny, base, adapter, out } = await baseAndAdapter("BF16");
  await using _ = tiny;
  await assert.rejects(
    mergeAdapter({ base, adapter, out, threads: 1 }),
    (error: unknown) =>
      error instanceof GituneError && error.exitCode === 1 && error.issues[0]?.code === "merge.differs",
  );
  assert.deepEqual(
    readdirSync(tiny.folder).filter((name) => name.startsWith("merged")),
    [],
  );
  const { error } = await mergeAdapter({ base, adapter, out, store: "f32", threads: 1 });
  assert.ok(error < 1e-5, `off by ${error}`);
  assert.ok(existsSync(join(out, "model.safetensors")));
});

test("a folder with files in it is not written over", async () => {
  const { tiny, base, adapter } = await baseAndAdapter("F32");
  await using _ = tiny;
  await assert.rejects(
    mergeAdapter({ base, adapter, out: adapter, threads: 1 }),
    (error: unknown) => error instanceof GituneError && error.exitCode === 2 && error.issues[0]?.code === "merge.out",
  );
});
