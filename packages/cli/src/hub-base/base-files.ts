/** Which files of a model repository the engine reads. Nothing else is ever downloaded: no pickles, no code. */
import { GituneError } from "@gitune/core";

/** Of every model. */
export const NEEDED = ["config.json", "tokenizer.json"] as const;
/** Of some. Each may change what is computed, so it must be known whether a commit has it. */
export const OPTIONAL = [
  "generation_config.json",
  "tokenizer_config.json",
  "chat_template.jinja",
  "special_tokens_map.json",
] as const;
/** Weights are in one file, or in those that the index names. */
export const WEIGHTS = "model.safetensors";
export const INDEX = "model.safetensors.index.json";

/** The largest models have a few hundred. */
const MAX_SHARDS = 2_000;
const SHARD = /^\w[\w.-]{0,199}\.safetensors$/;

/** Whether a file of this name has weights. */
export function isWeights(name: string): boolean {
  return name.endsWith(".safetensors");
}

/**
 * The files that an index names. The index is the model author's word, so only plain names are taken.
 * @param index absolute path of `model.safetensors.index.json`
 * @param id of the base, for the message
 * @throws {GituneError} `weights.index` (exit code 2)
 */
export async function shardNames(index: string, id: string): Promise<readonly string[]> {
  const { readShardNames } = await import("@gitune/train/tokenizer");
  const names = [...new Set(Object.values(await readShardNames(index)))].sort();
  const wrong = names.find((name) => !SHARD.test(name));
  if (wrong === undefined && names.length > 0 && names.length <= MAX_SHARDS) return names;
  throw new GituneError({
    code: "weights.index",
    severity: "error",
    pointer: "/train/base",
    message: `${INDEX} of ${id} names ${wrong === undefined ? `${names.length} files` : "a file that is no part of its repository"}`,
    expected: `1 to ${MAX_SHARDS} names such as model-00001-of-00002.safetensors`,
    ...(wrong === undefined ? {} : { found: JSON.stringify(wrong.slice(0, 200)) }),
  });
}
