/** Every family that GGUF files can express, against its Hugging Face folder (golden/gguf/PROVENANCE.md). */
import assert from "node:assert/strict";
import { open, readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { llamaTensors } from "../../models/llama/tensors.js";
import { readModelConfig } from "../../models/read-model-config.js";
import { openSafetensors, readTensorEntry } from "../safetensors.js";
import { dequantizeTensor, newScratch } from "./dequantize-tensor.js";
import { ggufConfig, ggufFamily } from "./gguf-config.js";
import { readGguf } from "./read-gguf.js";
import { planTensors } from "./tensor-plan.js";

const golden = (path: string): string => fileURLToPath(new URL(`../../../test/golden/${path}`, import.meta.url));

const MODELS = [
  "llama-biases",
  "llama-rope-llama3",
  "llama-rope-yarn",
  "mistral-window",
  "qwen2-window",
  "qwen3",
] as const;

for (const model of MODELS) {
  describe(`${model}.gguf`, async () => {
    const gguf = readGguf(golden(`gguf/families/${model}.gguf`));
    const folder = golden(`families/${model}`);
    const config = readModelConfig(ggufConfig(gguf), "x.gguf");
    const json = JSON.parse(await readFile(`${folder}/config.json`, "utf8")) as Record<string, unknown>;

    it("has the config of its folder", () => {
      const expected = readModelConfig(json, "config.json");
      // llama.cpp has no window for Qwen2.
      const windows = model === "qwen2-window" ? expected.windows.map(() => null) : expected.windows;
      assert.deepEqual(config, { ...expected, windows });
    });

    it("has the weights of its folder", async () => {
      const stored = await openSafetensors(folder);
      const headDim = ggufFamily(gguf).family.isPermuted ? config.headDim : 0;
      const handle = await open(gguf.path, "r");
      try {
        for (const tensor of planTensors(gguf, llamaTensors(config), headDim)) {
          const values: number[] = [];
          for await (const piece of dequantizeTensor(handle, gguf.shown, tensor, newScratch())) values.push(...piece);
          assert.deepEqual(Float32Array.from(values), await readTensorEntry(stored.get(tensor.name)!), tensor.name);
        }
      } finally {
        await handle.close();
      }
    });
  });
}
