import { GituneError } from "@gitune/core";

/** The sizes and constants of a Llama-architecture decoder. */
export interface LlamaConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Tokens. */
  readonly maxPositions: number;
  readonly ropeTheta: number;
  readonly normEps: number;
  /** The head is the embedding matrix. */
  readonly tiedHead: boolean;
}

/** Keys of `config.json` that change the maths, with the values under which ours is right. */
const SUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  model_type: ["llama"],
  hidden_act: ["silu"],
  attention_bias: [false],
  mlp_bias: [false],
  rope_scaling: [null],
  pretraining_tp: [1],
  sliding_window: [null],
  use_sliding_window: [false],
  partial_rotary_factor: [1],
  quantization_config: [null],
};

/** Keys that are read, or that say nothing about the maths of inference and fine-tuning. */
const KNOWN = new Set([
  "architectures",
  "attention_dropout",
  "bos_token_id",
  "dtype",
  "eos_token_id",
  "head_dim",
  "hidden_size",
  "initializer_range",
  "intermediate_size",
  "max_position_embeddings",
  "num_attention_heads",
  "num_hidden_layers",
  "num_key_value_heads",
  "pad_token_id",
  "rms_norm_eps",
  "rope_parameters",
  "rope_theta",
  "tie_word_embeddings",
  "torch_dtype",
  "transformers_version",
  "transformers.js_config",
  "unk_token_id",
  "use_cache",
  "vocab_size",
  "_name_or_path",
  "is_llama_config",
  "rope_interleaved",
  "is_encoder_decoder",
  "output_attentions",
  "output_hidden_states",
  "return_dict",
  "id2label",
  "label2id",
]);

/**
 * Reads a parsed `config.json`.
 * @throws GituneError `model.unsupported` for a key that would change the maths, or `model.config` for a bad value
 */
export function readLlamaConfig(json: Readonly<Record<string, unknown>>, file: string): LlamaConfig {
  for (const [key, value] of Object.entries(json)) {
    const allowed = SUPPORTED[key];
    if (allowed ? !allowed.includes(value) : !KNOWN.has(key)) throw unsupported(file, key, value, allowed);
  }
  if (json["rope_interleaved"] === true) throw unsupported(file, "rope_interleaved", true, [false]);
  const size = (key: string, fallback?: number): number => {
    const value = json[key] ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > 2 ** 31) {
      throw badValue(file, key, "a whole number above 0", value);
    }
    return value;
  };
  const real = (key: string, value: unknown): number => {
    if (typeof value !== "number" || !(value > 0)) throw badValue(file, key, "a number above 0", value);
    return value;
  };
  const heads = size("num_attention_heads");
  const hiddenSize = size("hidden_size");
  const config: LlamaConfig = {
    hiddenSize,
    intermediateSize: size("intermediate_size"),
    layers: size("num_hidden_layers"),
    heads,
    kvHeads: size("num_key_value_heads", heads),
    headDim: size("head_dim", hiddenSize / heads),
    vocabSize: size("vocab_size"),
    maxPositions: size("max_position_embeddings", 2048),
    ropeTheta: real("rope_theta", readRopeTheta(json, file)),
    normEps: real("rms_norm_eps", json["rms_norm_eps"] ?? 1e-6),
    tiedHead: json["tie_word_embeddings"] === true,
  };
  if (heads % config.kvHeads !== 0)
    throw badValue(file, "num_key_value_heads", `a divisor of ${heads} heads`, config.kvHeads);
  if (config.headDim % 2 !== 0) throw badValue(file, "head_dim", "an even number (rotary pairs)", config.headDim);
  return config;
}

/** transformers 5 writes `rope_parameters`; before it `rope_theta` stood alone. */
function readRopeTheta(json: Readonly<Record<string, unknown>>, file: string): unknown {
  const parameters = json["rope_parameters"] as Readonly<Record<string, unknown>> | null | undefined;
  if (!parameters) return json["rope_theta"] ?? 10_000;
  const type = parameters["rope_type"] ?? parameters["type"];
  if (type !== undefined && type !== "default") throw unsupported(file, "rope_parameters/rope_type", type, ["default"]);
  return parameters["rope_theta"] ?? json["rope_theta"] ?? 10_000;
}

function unsupported(file: string, key: string, value: unknown, allowed: readonly unknown[] | undefined): GituneError {
  return new GituneError({
    code: "model.unsupported",
    severity: "error",
    file,
    pointer: `/${key}`,
    message: `this model's ${key} is not supported: training it as a plain Llama would give wrong numbers`,
    ...(allowed
      ? { expected: allowed.map((item) => JSON.stringify(item)).join(" or ") }
      : { expected: "a key of the Llama family" }),
    found: JSON.stringify(value)?.slice(0, 200) ?? "undefined",
    fix: "use a base of the Llama family, or engine: peft",
  });
}

function badValue(file: string, key: string, expected: string, found: unknown): GituneError {
  return new GituneError({
    code: "model.config",
    severity: "error",
    file,
    pointer: `/${key}`,
    message: `${key} is not usable`,
    expected,
    found: JSON.stringify(found)?.slice(0, 200) ?? "nothing",
  });
}
