import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { GituneError } from "@gitune/core";
import fc from "fast-check";
import { FAMILIES, readModelConfig } from "./read-model-config.js";

type Json = Record<string, unknown>;
const readTestFile = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../test/${path}`, import.meta.url), "utf8"));

/** After what their makers published, retyped: it is the keys that matter here. */
const PUBLISHED = readTestFile("fixtures/published-configs.json") as Record<string, Json>;
const SMOL = PUBLISHED["HuggingFaceTB/SmolLM2-135M-Instruct"]!;
const LLAMA32 = PUBLISHED["meta-llama/Llama-3.2-1B"]!;
const MISTRAL = PUBLISHED["mistralai/Mistral-7B-v0.1"]!;
const QWEN2 = PUBLISHED["Qwen/Qwen2.5-0.5B"]!;
const QWEN3 = PUBLISHED["Qwen/Qwen3-0.6B"]!;
/** One of each family. */
const ACCEPTED: readonly Json[] = [LLAMA32, MISTRAL, QWEN2, QWEN3];

const read = (json: Json) => readModelConfig(json, "base/config.json");

const PLAIN = { qkvBias: false, outBias: false, mlpBias: false, qkNorm: false } as const;
const everywhere = (layers: number, window: number | null) => Array(layers).fill(window) as (number | null)[];

test("a config of transformers 5, in full", () => {
  assert.deepEqual(read(readTestFile("golden/llama/untied/config.json") as Json), {
    hiddenSize: 32,
    intermediateSize: 48,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    vocabSize: 96,
    maxPositions: 64,
    ropeTheta: 10_000,
    ropeScaling: null,
    normEps: 1e-5,
    tiedHead: false,
    ...PLAIN,
    windows: [null, null],
  });
});

describe("published configs", () => {
  const facts: Readonly<Record<string, Json>> = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": { kvHeads: 3, headDim: 64, ropeTheta: 100_000, tiedHead: true, ...PLAIN },
    "meta-llama/Llama-3.2-1B": {
      headDim: 64,
      ropeTheta: 500_000,
      ropeScaling: { type: "llama3", factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalPositions: 8192 },
      tiedHead: true,
    },
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": { kvHeads: 4, headDim: 64, tiedHead: false, windows: everywhere(22, null) },
    "mistralai/Mistral-7B-v0.1": { kvHeads: 8, headDim: 128, windows: everywhere(32, 4096), ...PLAIN },
    "mistralai/Mistral-7B-Instruct-v0.3": { vocabSize: 32_768, windows: everywhere(32, null) },
    "Qwen/Qwen2.5-0.5B": { ...PLAIN, qkvBias: true, headDim: 64, tiedHead: true, windows: everywhere(24, null) },
    "Qwen/Qwen3-0.6B": { ...PLAIN, qkNorm: true, headDim: 128, tiedHead: true, windows: everywhere(28, null) },
  };
  for (const [name, config] of Object.entries(PUBLISHED)) {
    const want = facts[name];
    test(`${name} is ${want ? "read" : "refused"}`, () => {
      if (want) {
        const got = read(config) as unknown as Json;
        assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, got[key]])), want);
      } else {
        const issue = refusal(config);
        assert.deepEqual([issue.code, issue.pointer], ["model.unsupported", "/model_type"]);
        assert.match(issue.message, /^model_type is not supported: in (phi3|gemma|gpt2), \w+/);
        assert.equal(issue.expected, "one of llama, mistral, qwen2, qwen3");
      }
    });
  }
});

test("what a config leaves out is what transformers assumes, family by family", () => {
  const without = (json: Json, ...keys: string[]) =>
    Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
  const sparse = read(without(SMOL, "num_key_value_heads", "rope_theta", "tie_word_embeddings", "rms_norm_eps"));
  assert.deepEqual(
    [sparse.kvHeads, sparse.ropeTheta, sparse.tiedHead, sparse.normEps, sparse.maxPositions],
    [9, 10_000, false, 1e-6, 8192],
  );
  const mistral = read(without(MISTRAL, "num_key_value_heads", "sliding_window", "max_position_embeddings"));
  assert.deepEqual([mistral.kvHeads, mistral.windows[0], mistral.maxPositions], [8, 4096, 131_072]);
  assert.equal(read({ ...MISTRAL, num_key_value_heads: null }).kvHeads, 32);
  assert.equal(read(without(QWEN3, "head_dim")).headDim, 128);
});

test("Qwen's windows: off, from a layer on, or layer by layer", () => {
  const windows = (changes: Json) => read({ ...QWEN2, num_hidden_layers: 3, ...changes }).windows;
  const on = { use_sliding_window: true, sliding_window: 512 };
  assert.deepEqual(windows({ max_window_layers: 1 }), [null, null, null]);
  assert.deepEqual(windows({ ...on, max_window_layers: 1 }), [null, 512, 512]);
  assert.deepEqual(windows({ ...on, sliding_window: null, max_window_layers: 1 }), [null, null, null]);
  const types = ["sliding_attention", "full_attention", "sliding_attention"];
  assert.deepEqual(windows({ ...on, layer_types: types }), [512, null, 512]);
  for (const changes of [
    { layer_types: types },
    { ...on, layer_types: types.slice(1) },
    { ...on, layer_types: ["chunked_attention", ...types.slice(1)] },
  ]) {
    assert.equal(refusal({ ...QWEN2, num_hidden_layers: 3, ...changes }).pointer, "/layer_types");
  }
});

describe("refused", () => {
  const llama3 = LLAMA32["rope_scaling"] as Json;
  const cases: readonly (readonly [base: Json, changes: Json, code: string, pointer: string])[] = [
    [SMOL, { model_type: 3 }, "model.unsupported", "/model_type"],
    [SMOL, { model_type: "constructor" }, "model.unsupported", "/model_type"],
    [SMOL, { hidden_act: "gelu" }, "model.unsupported", "/hidden_act"],
    [SMOL, { attention_dropout: 0.1 }, "model.unsupported", "/attention_dropout"],
    [SMOL, { sliding_window: 4096 }, "model.unsupported", "/sliding_window"],
    [SMOL, { rope_interleaved: true }, "model.unsupported", "/rope_interleaved"],
    [SMOL, { partial_rotary_factor: 0.5 }, "model.unsupported", "/partial_rotary_factor"],
    [SMOL, { quantization_config: { bits: 4 } }, "model.unsupported", "/quantization_config"],
    [SMOL, { layer_types: ["full_attention"] }, "model.unsupported", "/layer_types"],
    [MISTRAL, { layer_types: ["full_attention"] }, "model.unsupported", "/layer_types"],
    [MISTRAL, { attention_bias: true }, "model.unsupported", "/attention_bias"],
    [QWEN2, { use_mrope: true }, "model.unsupported", "/use_mrope"],
    [QWEN2, { attention_bias: true }, "model.unsupported", "/attention_bias"],
    [QWEN3, { mlp_bias: true }, "model.unsupported", "/mlp_bias"],
    [SMOL, { rope_scaling: { rope_type: "longrope" } }, "model.unsupported", "/rope_scaling/rope_type"],
    [SMOL, { rope_scaling: { type: "su" } }, "model.unsupported", "/rope_scaling/type"],
    [SMOL, { rope_scaling: { type: "toString" } }, "model.unsupported", "/rope_scaling/type"],
    [SMOL, { rope_parameters: { full_attention: {} } }, "model.unsupported", "/rope_parameters/full_attention"],
    [SMOL, { rope_scaling: { ...llama3, mrope_section: [1] } }, "model.unsupported", "/rope_scaling/mrope_section"],
    [SMOL, { rope_scaling: { ...llama3, beta_fast: 32 } }, "model.unsupported", "/rope_scaling/beta_fast"],
    [SMOL, { rope_scaling: { rope_type: "linear" } }, "model.config", "/rope_scaling/factor"],
    [SMOL, { rope_scaling: { ...llama3, high_freq_factor: 1 } }, "model.config", "/rope_scaling/high_freq_factor"],
    [LLAMA32, { rope_parameters: { rope_type: "default" } }, "model.config", "/rope_parameters"],
    [SMOL, { rope_parameters: "default" }, "model.config", "/rope_parameters"],
    [SMOL, { architectures: ["LlamaForSequenceClassification"] }, "model.config", "/architectures"],
    [SMOL, { hidden_size: "576" }, "model.config", "/hidden_size"],
    [SMOL, { hidden_size: 577 }, "model.config", "/head_dim"],
    [SMOL, { num_hidden_layers: 0 }, "model.config", "/num_hidden_layers"],
    [SMOL, { num_hidden_layers: 2 ** 30 }, "model.config", "/num_hidden_layers"],
    [SMOL, { vocab_size: 2 ** 40 }, "model.config", "/vocab_size"],
    [SMOL, { num_key_value_heads: 2 }, "model.config", "/num_key_value_heads"],
    [SMOL, { head_dim: 63 }, "model.config", "/head_dim"],
    [SMOL, { rope_theta: -1 }, "model.config", "/rope_theta"],
    [SMOL, { rms_norm_eps: Number.NaN }, "model.config", "/rms_norm_eps"],
    [SMOL, { tie_word_embeddings: "true" }, "model.config", "/tie_word_embeddings"],
  ];
  for (const [base, changes, code, pointer] of cases) {
    test(`${String(base["model_type"])} with ${JSON.stringify(changes)}`, () => {
      const issue = refusal({ ...base, ...changes });
      assert.deepEqual([issue.code, issue.pointer, issue.file], [code, pointer, "base/config.json"]);
    });
  }
});

/** Keys by which other models change a decoder's maths; none may pass unseen. */
const KNOWN_TO_CHANGE_MATHS = [
  ...["attention_multiplier", "embedding_multiplier", "logits_scaling", "residual_multiplier", "logit_scale"],
  ...["attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "clip_qkv", "qk_layernorm"],
  ...[
    "use_qk_norm",
    "norm_topk_prob",
    "num_experts",
    "num_local_experts",
    "num_experts_per_tok",
    "use_parallel_residual",
  ],
  ...["dual_chunk_attention_config", "no_rope_layers", "attention_chunk_size", "scale_emb", "scale_depth", "alibi"],
  ...["original_max_position_embeddings", "num_nextn_predict_layers", "auto_map", "embd_pdrop", "resid_pdrop"],
];

describe("a key that a family does not know is refused, whatever it holds", () => {
  for (const base of ACCEPTED) {
    const family = FAMILIES.find(({ modelType }) => modelType === base["model_type"])!;
    const key = fc.oneof(
      fc.constantFrom(...KNOWN_TO_CHANGE_MATHS, "__proto__", "constructor", "toString", ""),
      fc.string(),
      // Keys of the other families, and a letter's difference to our own.
      fc.constantFrom(...FAMILIES.flatMap(({ keys }) => Object.keys(keys))),
      fc.constantFrom(...Object.keys(family.keys)).map((known) => `${known}s`),
    );
    const unknown = key.filter((name) => !Object.hasOwn(family.keys, name));
    test(family.modelType, () => {
      fc.assert(
        fc.property(unknown, fc.jsonValue(), (name, value) => {
          const json = JSON.parse(JSON.stringify(base)) as Json;
          Object.defineProperty(json, name, { value, enumerable: true, configurable: true, writable: true });
          const issue = refusal(json);
          assert.equal(issue.code, "model.unsupported");
          assert.equal(issue.pointer, `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
        }),
        { numRuns: 300 },
      );
    });
  }
});

test("junk under a known key is refused at its place, or the key has no say in the maths", () => {
  const junk = { "not a value of": "any key" };
  for (const base of ACCEPTED) {
    const family = FAMILIES.find(({ modelType }) => modelType === base["model_type"])!;
    const plain = read(base);
    for (const key of Object.keys(family.keys)) {
      try {
        assert.deepEqual(read({ ...base, [key]: junk }), plain, `${family.modelType}: ${key}`);
      } catch (error) {
        assert.ok(error instanceof GituneError, String(error));
        assert.ok(error.issues[0]?.pointer?.startsWith(`/${key}`), `${key}: ${error.issues[0]?.pointer}`);
      }
    }
  }
});

test("all strange keys are named at once", () => {
  assert.throws(
    () => read({ ...SMOL, logit_scale: 2, clip_qkv: 8 }),
    (error) => error instanceof GituneError && error.issues.length === 2,
  );
});

function refusal(json: Json) {
  try {
    read(json);
  } catch (error) {
    assert.ok(error instanceof GituneError, String(error));
    assert.equal(error.exitCode, 2);
    return error.issues[0]!;
  }
  return assert.fail("it was accepted");
}
