/** What a family of models is: the keys of its `config.json`, and the decoder that they describe. */
import type { LlamaConfig } from "../llama/config.js";
import {
  badValue,
  flag,
  type JsonObject,
  type KeyTable,
  neutral,
  only,
  optional,
  type Place,
  positive,
  type Reader,
  readKeys,
  type Values,
  whole,
  within,
} from "./keys.js";
import { ROPE_KEYS, readRope } from "./rope-keys.js";

/** Reads one family's configs. */
export interface Family {
  readonly modelType: string;
  /** The one table: what is read, which values are supported, what says nothing about the maths. */
  readonly keys: KeyTable;
  read(json: JsonObject, file: string): LlamaConfig;
}

/** What sets a family's decoder apart from the plain one. */
export type Traits = Pick<LlamaConfig, "qkvBias" | "outBias" | "mlpBias" | "qkNorm" | "windows">;

/** What transformers assumes where a config leaves a key out; `null` follows from the other sizes. */
export interface FamilyDefaults {
  readonly kvHeads: number | null;
  readonly headDim: number | null;
  readonly maxPositions: number;
}

/** The deepest published decoders have 126 layers; every layer costs nodes of the graph. */
const MAX_LAYERS = 1024;

/** Of a model that continues text: other heads (classifiers, encoders) train on another loss. */
const causalArchitectures: Reader<unknown> = optional((value, at) => {
  const isCausal = (name: unknown) => typeof name === "string" && name.endsWith("ForCausalLM");
  if (!Array.isArray(value) || !value.some(isCausal)) throw badValue(at, "a list with a …ForCausalLM", value);
  return value;
});

/** Facts about a checkpoint that change no result of it. */
const NEUTRAL_KEYS = [
  ...["_name_or_path", "_attn_implementation", "_attn_implementation_autoset", "is_llama_config", "tokenizer_class"],
  ...["transformers_version", "transformers.js_config", "unsloth_fixed", "unsloth_version"],
  // The weights say their type themselves.
  ...["dtype", "torch_dtype"],
  // Only where training starts from random weights.
  "initializer_range",
  // What the tokenizer and generation_config.json say again.
  ...["bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id"],
  // What a call returns, not what it computes.
  ...["id2label", "label2id", "output_attentions", "output_hidden_states", "return_dict", "use_cache"],
  // Splits products over devices or time; their sums stay the same.
  ...["pretraining_tp", "chunk_size_feed_forward"],
] as const;

/** The keys that every family has. */
export function decoderKeys({ kvHeads, headDim, maxPositions }: FamilyDefaults) {
  return {
    ...neutralKeys(),
    architectures: causalArchitectures,
    hidden_size: whole(),
    intermediate_size: whole(),
    num_hidden_layers: whole({ max: MAX_LAYERS }),
    num_attention_heads: whole(),
    num_key_value_heads: optional(whole(), kvHeads),
    head_dim: optional(whole(), headDim),
    vocab_size: whole(),
    max_position_embeddings: whole({ absent: maxPositions }),
    rms_norm_eps: positive(1e-6),
    tie_word_embeddings: flag(false),
    ...ROPE_KEYS,
    hidden_act: only("silu"),
    attention_dropout: only(0),
    is_encoder_decoder: only(false),
    quantization_config: only(null),
  };
}

const neutralKeys = () =>
  Object.fromEntries(NEUTRAL_KEYS.map((key) => [key, neutral])) as {
    readonly [K in (typeof NEUTRAL_KEYS)[number]]: Reader<unknown>;
  };

type DecoderKeys = ReturnType<typeof decoderKeys>;

/** One window for all layers. */
export const everyLayer = (layers: number, window: number | null): (number | null)[] => Array(layers).fill(window);

/** @param traits what the keys that only this family reads come to */
export function defineFamily<K extends DecoderKeys>(
  modelType: string,
  keys: K,
  traits: (values: Values<K>, file: string) => Traits,
): Family {
  const table: KeyTable = { ...keys, model_type: only(modelType) };
  return {
    modelType,
    keys: table,
    read: (json, file) => {
      const values = readKeys(table, json, { file, pointer: "" }, `the ${modelType} family`) as Values<K>;
      return { ...readSizes(values as Values<DecoderKeys>, file), ...traits(values, file) };
    },
  };
}

function readSizes(values: Values<DecoderKeys>, file: string): Omit<LlamaConfig, keyof Traits> {
  const at = (key: string): Place => within({ file, pointer: "" }, key);
  const { hidden_size: hiddenSize, num_attention_heads: heads, max_position_embeddings: maxPositions } = values;
  const kvHeads = values.num_key_value_heads ?? heads;
  const headDim = values.head_dim ?? hiddenSize / heads;
  if (heads % kvHeads !== 0) throw badValue(at("num_key_value_heads"), `a divisor of ${heads} heads`, kvHeads);
  if (headDim % 2 !== 0) throw badValue(at("head_dim"), "an even number (rotary pairs)", headDim);
  return {
    hiddenSize,
    intermediateSize: values.intermediate_size,
    layers: values.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    vocabSize: values.vocab_size,
    maxPositions,
    ...readRope(values, file, maxPositions),
    normEps: values.rms_norm_eps,
    tiedHead: values.tie_word_embeddings,
  };
}
