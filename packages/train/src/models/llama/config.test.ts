import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { GituneError } from "@gitune/core";
import { openSafetensors } from "../../weights/safetensors.js";
import { readLlamaConfig } from "./config.js";
import { llamaLinears, llamaTensors } from "./tensors.js";

const GOLDEN = new URL("../../../test/golden/llama/", import.meta.url);
const readGoldenConfig = (head: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`${head}/config.json`, GOLDEN), "utf8")) as Record<string, unknown>;

/** A config as transformers 4 wrote it (the sizes of SmolLM2-135M). */
const CLASSIC = {
  architectures: ["LlamaForCausalLM"],
  hidden_size: 576,
  intermediate_size: 1536,
  max_position_embeddings: 8192,
  model_type: "llama",
  num_attention_heads: 9,
  num_hidden_layers: 30,
  num_key_value_heads: 3,
  rms_norm_eps: 1e-5,
  rope_theta: 100_000,
  rope_scaling: null,
  hidden_act: "silu",
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  vocab_size: 49_152,
};

test("a config of transformers 5", () => {
  assert.deepEqual(readLlamaConfig(readGoldenConfig("untied"), "config.json"), {
    hiddenSize: 32,
    intermediateSize: 48,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    vocabSize: 96,
    maxPositions: 64,
    ropeTheta: 10_000,
    normEps: 1e-5,
    tiedHead: false,
  });
});

test("a config of transformers 4, and what is left out", () => {
  const { headDim, ropeTheta, tiedHead, kvHeads } = readLlamaConfig(CLASSIC, "config.json");
  assert.deepEqual(
    { headDim, ropeTheta, tiedHead, kvHeads },
    { headDim: 64, ropeTheta: 100_000, tiedHead: true, kvHeads: 3 },
  );
  const { num_key_value_heads: _, rope_theta: __, tie_word_embeddings: ___, ...less } = CLASSIC;
  const defaults = readLlamaConfig(less, "config.json");
  assert.deepEqual([defaults.kvHeads, defaults.ropeTheta, defaults.tiedHead], [9, 10_000, false]);
});

for (const head of ["tied", "untied"]) {
  test(`llamaTensors names every tensor of a checkpoint with a ${head} head, and no other`, async () => {
    const config = readLlamaConfig(readGoldenConfig(head), "config.json");
    const stored = await openSafetensors(fileURLToPath(new URL(head, GOLDEN)));
    const shapes = (entries: Iterable<readonly [string, readonly number[]]>) => new Map([...entries].sort());
    assert.deepEqual(
      shapes(llamaTensors(config).map(({ name, shape }) => [name, shape])),
      shapes([...stored].map(([name, { shape }]) => [name, shape])),
    );
    for (const { module, dIn, dOut } of llamaLinears(config)) {
      assert.deepEqual(stored.get(`${module}.weight`)?.shape, [dOut, dIn]);
    }
  });
}

describe("refused", () => {
  const cases: readonly (readonly [changes: Record<string, unknown>, code: string, pointer: string])[] = [
    [{ model_type: "gemma" }, "model.unsupported", "/model_type"],
    [{ hidden_act: "gelu" }, "model.unsupported", "/hidden_act"],
    [{ attention_bias: true }, "model.unsupported", "/attention_bias"],
    [{ rope_scaling: { rope_type: "llama3", factor: 8 } }, "model.unsupported", "/rope_scaling"],
    [{ rope_parameters: { rope_type: "yarn", rope_theta: 1e4 } }, "model.unsupported", "/rope_parameters/rope_type"],
    [{ sliding_window: 4096 }, "model.unsupported", "/sliding_window"],
    [{ rope_interleaved: true }, "model.unsupported", "/rope_interleaved"],
    [{ logit_softcap: 30 }, "model.unsupported", "/logit_softcap"],
    [{ hidden_size: "576" }, "model.config", "/hidden_size"],
    [{ hidden_size: 577 }, "model.config", "/head_dim"],
    [{ num_hidden_layers: 0 }, "model.config", "/num_hidden_layers"],
    [{ vocab_size: 2 ** 40 }, "model.config", "/vocab_size"],
    [{ num_key_value_heads: 2 }, "model.config", "/num_key_value_heads"],
    [{ head_dim: 63 }, "model.config", "/head_dim"],
    [{ rope_theta: -1 }, "model.config", "/rope_theta"],
    [{ rms_norm_eps: Number.NaN }, "model.config", "/rms_norm_eps"],
  ];
  for (const [changes, code, pointer] of cases) {
    test(JSON.stringify(changes), () => {
      assert.throws(
        () => readLlamaConfig({ ...CLASSIC, ...changes }, "base/config.json"),
        (error) => {
          assert.ok(error instanceof GituneError, String(error));
          const [issue] = error.issues;
          assert.deepEqual([issue?.code, issue?.pointer, issue?.file], [code, pointer, "base/config.json"]);
          assert.equal(error.exitCode, 2);
          return true;
        },
      );
    });
  }
});
