import assert from "node:assert/strict";
import { test } from "node:test";
import { lintServing, tgiRank, vllmRank } from "./serving-lint.js";

const found = (config: object, base?: Parameters<typeof lintServing>[2]) =>
  lintServing(
    { peft_type: "LORA", r: 8, lora_alpha: 16, target_modules: ["q_proj", "v_proj"], ...config },
    "colours",
    base,
  ).map(({ severity, pointer }) => [severity, pointer]);

test("what every server and PEFT takes is not mentioned", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ r: 16, lora_alpha: 32, bias: "none", modules_to_save: null, rank_pattern: {} }), []);
  assert.deepEqual(found({ init_lora_weights: "gaussian" }, { hasHeadNorms: false }), []);
});

test("keys that vLLM and SGLang have no default for", () => {
  const { r, lora_alpha, target_modules } = {} as Record<string, undefined>;
  assert.deepEqual(found({ r, lora_alpha, target_modules }), [
    ["error", "/r"],
    ["error", "/lora_alpha"],
    ["error", "/target_modules"],
  ]);
});

test("ranks: the setting that vLLM needs, and where there is none", () => {
  assert.deepEqual([1, 8, 9, 24, 300, 512, 513].map(vllmRank), [1, 8, 16, 32, 320, 512, null]);
  assert.deepEqual(found({ r: 32 }), [["note", "/r"]]);
  assert.deepEqual(found({ r: 1024 }), [["error", "/r"]]);
});

test("what vLLM refuses", () => {
  assert.deepEqual(found({ modules_to_save: ["embed_tokens"] }), [["error", "/modules_to_save"]]);
  assert.deepEqual(found({ use_dora: true }), [["error", "/use_dora"]]);
  assert.deepEqual(found({ bias: "all" }), [["error", "/bias"]]);
  assert.deepEqual(found({ layer_replication: [[0, 4]] }), [["error", "/layer_replication"]]);
  assert.deepEqual(found({ init_lora_weights: "pissa_niter_16" }), [["error", "/init_lora_weights"]]);
});

test("what TGI pads, scales and leaves out", () => {
  assert.deepEqual([1, 8, 9, 16, 24, 32, 100].map(tgiRank), [8, 8, 16, 16, 32, 32, 112]);
  assert.deepEqual(found({ r: 4 }), [["warning", "/r"]]);
  assert.deepEqual(found({ r: 4, target_modules: ["q_proj"] }), []);
  assert.deepEqual(found({ r: 24 }), [
    ["note", "/r"],
    ["warning", "/r"],
  ]);
  assert.deepEqual(found({ target_modules: ["q_proj", "lm_head"] }), [["warning", "/target_modules"]]);
  assert.deepEqual(found({ target_modules: ["q_proj", "c_attn"] }), [
    ["warning", "/target_modules"],
    ["warning", "/target_modules"],
  ]);
  assert.deepEqual(found({ layers_to_transform: [0, 1] }), [["warning", "/layers_to_transform"]]);
  assert.deepEqual(found({ rank_pattern: { v_proj: 4 } }), [["warning", "/rank_pattern"]]);
  assert.deepEqual(found({}, { hasHeadNorms: true }), [["warning", "/base_model_name_or_path"]]);
});

test("rsLoRA's scale, which not every SGLang knows", () => {
  assert.deepEqual(found({ use_rslora: true }), [["note", "/use_rslora"]]);
});

test("keys that the oldest promised PEFT does not know", () => {
  assert.deepEqual(found({ lora_bias: false, peft_version: "0.21.0" }), [
    ["error", "/lora_bias"],
    ["error", "/peft_version"],
  ]);
});
