import { GituneError } from "@gitune/core";
import type { Family } from "./families/family.js";
import { type JsonObject, unsupportedIssue } from "./families/keys.js";
import { llama } from "./families/llama.js";
import { mistral } from "./families/mistral.js";
import { qwen2 } from "./families/qwen2.js";
import { qwen3 } from "./families/qwen3.js";
import type { LlamaConfig } from "./llama/config.js";

/** Every family that is trained and generated from, each a variant of one decoder. */
export const FAMILIES: readonly Family[] = [llama, mistral, qwen2, qwen3];

/** Well-known families that would need a decoder of their own, and what sets them apart. */
const OTHERS: Readonly<Record<string, string>> = {
  gemma: "embeddings are scaled, norms multiply by 1 + w, and the MLP uses GELU",
  gemma2: "scores and logits are capped, and layers have four norms",
  gemma3_text: "local and global layers turn by different angles, and layers have four norms",
  gpt2: "positions are learned, norms have biases, and q, k and v are one transposed matrix",
  gpt_neox: "attention and MLP run side by side, and only a part of each head turns",
  mixtral: "each token goes through its own choice of experts",
  phi3: "q, k and v are one matrix, so are gate and up, and long contexts have a longrope",
  qwen2_moe: "each token goes through its own choice of experts",
  qwen3_moe: "each token goes through its own choice of experts",
};

/**
 * Reads a parsed `config.json`.
 * @param file its name in messages
 * @throws GituneError `model.unsupported` for a family, a key or a value whose maths we lack, or `model.config` for a value
 *   that makes no sense
 */
export function readModelConfig(json: JsonObject, file: string): LlamaConfig {
  const type = json["model_type"];
  const family = FAMILIES.find(({ modelType }) => modelType === type);
  if (family) return family.read(json, file);
  const why = typeof type === "string" && Object.hasOwn(OTHERS, type) ? `in ${type}, ${OTHERS[type]}` : undefined;
  const expected = FAMILIES.map(({ modelType }) => modelType).join(", ");
  throw new GituneError(unsupportedIssue({ file, pointer: "/model_type" }, type, `one of ${expected}`, why));
}
