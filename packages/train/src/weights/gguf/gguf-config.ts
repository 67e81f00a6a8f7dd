/**
 * The `config.json` that a GGUF file's metadata amounts to. Every key below the architecture's name is either read, known to
 * change nothing, or refused: a key that changes the maths is never ignored.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#llm
 */
import { ggufError, shown } from "./gguf-error.js";
import type { GgufFile } from "./gguf-file.js";
import { numberOf, textOf } from "./metadata.js";
import { llama3Scaling } from "./rope-factors.js";

/** What an architecture's name means. */
export interface GgufFamily {
  /** `model_type` of a `config.json`. */
  readonly modelType: string;
  /** Whether llama.cpp reorders the rows of its query and key projections (see `tensor-plan.ts`). */
  readonly isPermuted: boolean;
  /** Keys that the family has without the file saying so. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** By `general.architecture`. Mistral and SmolLM2 are `llama` to llama.cpp. */
export const GGUF_FAMILIES: Readonly<Record<string, GgufFamily>> = {
  llama: { modelType: "llama", isPermuted: true, config: {} },
  qwen2: { modelType: "qwen2", isPermuted: false, config: {} },
  qwen3: { modelType: "qwen3", isPermuted: false, config: { attention_bias: false } },
};

/** Keys below the architecture's name that are read. */
const READ = new Set([
  "context_length",
  "embedding_length",
  "block_count",
  "feed_forward_length",
  "attention.head_count",
  "attention.head_count_kv",
  "attention.key_length",
  "attention.value_length",
  "attention.layer_norm_rms_epsilon",
  "attention.sliding_window",
  "rope.dimension_count",
  "rope.freq_base",
  "rope.scale_linear",
  "rope.scaling.type",
  "rope.scaling.factor",
  "rope.scaling.original_context_length",
]);

/** Keys with the values under which they change nothing; an empty list: whatever they say. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  // The size of the embedding matrix is the truth.
  vocab_size: [],
  // How far the model was trained, not how it computes.
  "rope.scaling.finetuned": [],
  // Of the file that was converted, not of this one.
  tensor_data_layout: [],
  expert_count: [0],
  expert_used_count: [0],
  use_parallel_residual: [false],
  "attention.causal": [true],
};

/** @throws {GituneError} (exit code 2) `model.unsupported` for an architecture that is not read */
export function ggufFamily(gguf: GgufFile): { readonly architecture: string; readonly family: GgufFamily } {
  const key = "general.architecture";
  const architecture = textOf(gguf, key);
  const family =
    architecture !== undefined && Object.hasOwn(GGUF_FAMILIES, architecture) ? GGUF_FAMILIES[architecture] : undefined;
  if (architecture !== undefined && family) return { architecture, family };
  throw ggufError(gguf.shown, "the model is of an architecture that is not read from GGUF files", {
    code: "model.unsupported",
    at: key,
    expected: Object.keys(GGUF_FAMILIES).join(", "),
    found: architecture ?? "nothing",
    fix: "use a base of the Llama family",
  });
}

/**
 * @returns a plain object in the shape of Hugging Face's `config.json`
 * @throws {GituneError} (exit code 2) `model.unsupported` for a key that changes the maths; `model.config` for a missing or
 *   unusable one; `base.format` for a part of a split file
 */
export function ggufConfig(gguf: GgufFile): Record<string, unknown> {
  const { architecture, family } = ggufFamily(gguf);
  refuseParts(gguf);
  refuseUnknown(gguf, architecture);
  const number = (name: string) => numberOf(gguf, `${architecture}.${name}`);
  const needed = (name: string): number => {
    const value = number(name);
    if (value !== undefined) return value;
    const at = `${architecture}.${name}`;
    throw ggufError(gguf.shown, `the metadata has no ${at}`, { code: "model.config", at });
  };
  const hiddenSize = needed("embedding_length");
  const heads = needed("attention.head_count");
  const headDim = number("attention.key_length") ?? hiddenSize / heads;
  requireEqual(gguf, `${architecture}.attention.value_length`, headDim, "keys and values are of one length");
  requireEqual(gguf, `${architecture}.rope.dimension_count`, headDim, "heads turn as a whole");
  const window = number("attention.sliding_window");
  if (family.modelType !== "llama") {
    requireEqual(gguf, `${architecture}.attention.sliding_window`, 0, "a file does not say which layers have it");
  }
  // llama.cpp calls Mistral a Llama; the window is what sets it apart.
  const modelType = family.modelType === "llama" && window ? "mistral" : family.modelType;
  const hasBias = (module: string) => family.modelType === "llama" && gguf.tensors.has(`blk.0.${module}.bias`);
  return {
    architectures: [`${modelType[0]?.toUpperCase()}${modelType.slice(1)}ForCausalLM`],
    model_type: modelType,
    ...family.config,
    hidden_size: hiddenSize,
    intermediate_size: needed("feed_forward_length"),
    num_hidden_layers: needed("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: number("attention.head_count_kv") ?? heads,
    head_dim: headDim,
    max_position_embeddings: needed("context_length"),
    rms_norm_eps: shortest(needed("attention.layer_norm_rms_epsilon")),
    vocab_size: vocabSize(gguf),
    rope_parameters: ropeParameters(gguf, architecture, headDim),
    tie_word_embeddings: !gguf.tensors.has("output.weight"),
    ...(window ? { sliding_window: window } : {}),
    ...(hasBias("attn_q") ? { attention_bias: true } : {}),
    ...(hasBias("ffn_up") ? { mlp_bias: true } : {}),
    ...specialIds(gguf),
  };
}

function refuseParts(gguf: GgufFile): void {
  const parts = numberOf(gguf, "split.count") ?? 1;
  if (parts > 1) {
    throw ggufError(gguf.shown, `the file is one of ${parts} parts of a model`, {
      code: "base.format",
      at: "split.count",
      fix: "put the parts together: llama-gguf-split --merge <first part> <whole>",
    });
  }
  const type = textOf(gguf, "general.type") ?? "model";
  if (type !== "model") {
    throw ggufError(gguf.shown, "the file holds no model", {
      code: "base.format",
      at: "general.type",
      expected: "model",
      found: type,
    });
  }
}

function refuseUnknown({ shown: file, metadata }: GgufFile, architecture: string): void {
  for (const [key, value] of metadata) {
    if (!key.startsWith(`${architecture}.`)) continue;
    const name = key.slice(architecture.length + 1);
    if (READ.has(name)) continue;
    const allowed = Object.hasOwn(NEUTRAL, name) ? NEUTRAL[name] : undefined;
    if (allowed?.length === 0 || allowed?.includes(value)) continue;
    throw ggufError(file, `the model's ${shown(key)} is not supported: without it the numbers would be wrong`, {
      code: "model.unsupported",
      at: key,
      expected: allowed ? allowed.join(" or ") : "a key that is known",
      found: typeof value === "object" ? "a list" : String(value),
      fix: "use a base of the Llama family",
    });
  }
}

/** Where a file says it, it must be this: another value changes the maths. */
function requireEqual(gguf: GgufFile, key: string, expected: number, why: string): void {
  const value = numberOf(gguf, key) ?? expected;
  if (value === expected) return;
  throw ggufError(gguf.shown, `the model's ${key} is not supported: ${why}`, {
    code: "model.unsupported",
    at: key,
    expected: String(expected),
    found: String(value),
  });
}

function vocabSize(gguf: GgufFile): number {
  const name = "token_embd.weight";
  const rows = gguf.tensors.get(name)?.shape[0];
  if (rows !== undefined) return rows;
  throw ggufError(gguf.shown, `the file has no tensor ${name}`, { code: "base.weights", at: name });
}

/** In the form of transformers 5. */
function ropeParameters(gguf: GgufFile, architecture: string, headDim: number): Record<string, unknown> {
  const key = (name: string) => `${architecture}.rope.${name}`;
  const theta = numberOf(gguf, key("freq_base")) ?? 10_000;
  const factor = numberOf(gguf, key("scaling.factor")) ?? numberOf(gguf, key("scale_linear")) ?? 1;
  const type = textOf(gguf, key("scaling.type")) ?? (factor === 1 ? "none" : "linear");
  const original = numberOf(gguf, key("scaling.original_context_length"));
  const scaling = llama3Scaling(gguf, { theta, headDim, original });
  if (scaling) {
    // Both at once would be a third kind of scaling.
    if (factor !== 1) throw unsupportedScaling(gguf, key("scaling.factor"), String(factor));
    return { rope_type: "llama3", rope_theta: theta, ...scaling };
  }
  if (type === "none") return { rope_type: "default", rope_theta: theta };
  if (type === "linear") {
    return factor === 1
      ? { rope_type: "default", rope_theta: theta }
      : { rope_type: "linear", rope_theta: theta, factor };
  }
  if (type === "yarn" && original !== undefined) {
    return { rope_type: "yarn", rope_theta: theta, factor, original_max_position_embeddings: original };
  }
  throw unsupportedScaling(gguf, key("scaling.type"), type);
}

function unsupportedScaling(gguf: GgufFile, at: string, found: string) {
  return ggufError(gguf.shown, "the model scales its positions in a way that is not supported", {
    code: "model.unsupported",
    at,
    expected: "none, linear, yarn with its original context, or the factors of Llama 3",
    found,
  });
}

function specialIds(gguf: GgufFile): Record<string, unknown> {
  const id = (name: string) => numberOf(gguf, `tokenizer.ggml.${name}`) ?? null;
  return { bos_token_id: id("bos_token_id"), eos_token_id: id("eos_token_id"), pad_token_id: id("padding_token_id") };
}

/** The shortest decimal of the same f32: 1e-5, where the f32 reads 0.000009999999747378752. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
