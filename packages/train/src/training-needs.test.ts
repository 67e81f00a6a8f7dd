import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { recipe } from "./loop/run.test.helper.js";
import { readModelConfig } from "./models/read-model-config.js";
import { leastOf } from "./training-needs.js";

const PUBLISHED = JSON.parse(
  readFileSync(new URL("../test/fixtures/published-configs.json", import.meta.url), "utf8"),
) as Record<string, Record<string, unknown>>;
const SMOL = readModelConfig(PUBLISHED["HuggingFaceTB/SmolLM2-135M-Instruct"]!, "config.json");
/** As its model card counts them. */
const WEIGHTS = 134_515_008;
const LORA = { type: "lora", r: 8, alpha: 16, dropout: 0, targets: ["q_proj", "v_proj"], rslora: false } as const;
/** 30 layers with q of 576 to 576 and v of 576 to 192, as PEFT's print_trainable_parameters counts them. */
const TRAINED = 460_800;

describe("the least that training takes", () => {
  test("LoRA on a GPU: the base as it is stored, and AdamW's vectors", () => {
    const needs = leastOf({ ...recipe, technique: LORA }, "cuda", SMOL);
    assert.equal(needs.memoryBytes, 2 * WEIGHTS + 16 * TRAINED);
    assert.equal(needs.diskBytes, 4 * TRAINED * 13);
  });

  test("on the CPU the base is mapped; a GGUF file is unpacked, and int8 keeps a copy", () => {
    const packed = { ...recipe, technique: LORA, base: "models/a.gguf", compute: "int8" } as const;
    const needs = leastOf(packed, "auto", SMOL);
    assert.equal(needs.memoryBytes, 16 * TRAINED);
    assert.equal(needs.diskBytes, 4 * TRAINED * 13 + 5 * WEIGHTS);
  });

  test("full training keeps its best state, too", () => {
    const needs = leastOf({ ...recipe, technique: { type: "full" }, loadBestModelAtEnd: true }, "cpu", SMOL);
    assert.equal(needs.memoryBytes, 16 * WEIGHTS);
    assert.equal(needs.diskBytes, 4 * WEIGHTS * 16);
  });
});
