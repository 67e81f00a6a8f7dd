import assert from "node:assert/strict";
import { test } from "node:test";
import { lintServing, vllmRank } from "./serving-lint.js";

const found = (config: object) =>
  lintServing({ peft_type: "LORA", target_modules: ["q_proj", "v_proj"], ...config }, "colours").map(
    ({ severity, pointer }) => [severity, pointer],
  );

test("what every server and PEFT takes is not mentioned", () => {
  assert.deepEqual(found({}), []);
  assert.deepEqual(found({ r: 16, lora_alpha: 32, use_rslora: true, bias: "none", modules_to_save: null }), []);
});

test("ranks: the setting that vLLM needs, and where there is none", () => {
  assert.deepEqual([1, 8, 9, 24, 300, 512, 513].map(vllmRank), [1, 8, 16, 32, 320, 512, null]);
  assert.deepEqual(found({ r: 24 }), [["note", "/r"]]);
  assert.deepEqual(found({ r: 1024 }), [["error", "/r"]]);
});

test("what vLLM refuses", () => {
  assert.deepEqual(found({ modules_to_save: ["embed_tokens"] }), [["error", "/modules_to_save"]]);
  assert.deepEqual(found({ use_dora: true }), [["error", "/use_dora"]]);
  assert.deepEqual(found({ bias: "all" }), [["error", "/bias"]]);
  assert.deepEqual(found({ target_modules: ["q_proj", "c_attn"] }), [["warning", "/target_modules"]]);
});

test("keys that the oldest promised PEFT does not know", () => {
  assert.deepEqual(found({ lora_bias: false, peft_version: "0.21.0" }), [
    ["error", "/lora_bias"],
    ["error", "/peft_version"],
  ]);
});
