import type { Shape } from "../../ir/shape.js";
import type { LlamaConfig } from "./config.js";

export interface TensorSpec {
  /** Its name in a Hugging Face checkpoint. */
  readonly name: string;
  readonly shape: Shape;
}

export interface LinearSpec {
  /** Module name, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly dIn: number;
  readonly dOut: number;
}

/** The linear layers that tuners may target, in the order of the forward pass. */
export function llamaLinears(config: LlamaConfig): LinearSpec[] {
  const { hiddenSize: d, intermediateSize: f, heads, kvHeads, headDim } = config;
  return Array.from({ length: config.layers }, (_, layer) => {
    const at = (name: string, dIn: number, dOut: number) => ({ module: `model.layers.${layer}.${name}`, dIn, dOut });
    return [
      at("self_attn.q_proj", d, heads * headDim),
      at("self_attn.k_proj", d, kvHeads * headDim),
      at("self_attn.v_proj", d, kvHeads * headDim),
      at("self_attn.o_proj", heads * headDim, d),
      at("mlp.gate_proj", d, f),
      at("mlp.up_proj", d, f),
      at("mlp.down_proj", f, d),
    ];
  }).flat();
}

/** Every tensor of a checkpoint, in the order of the forward pass. */
export function llamaTensors(config: LlamaConfig): TensorSpec[] {
  const { hiddenSize: d, vocabSize } = config;
  const norm = (name: string): TensorSpec => ({ name, shape: [d] });
  const linears = llamaLinears(config);
  const layers = Array.from({ length: config.layers }, (_, layer) => {
    const prefix = `model.layers.${layer}`;
    const weights = linears
      .filter(({ module }) => module.startsWith(`${prefix}.`))
      .map(({ module, dIn, dOut }): TensorSpec => ({ name: `${module}.weight`, shape: [dOut, dIn] }));
    return [norm(`${prefix}.input_layernorm.weight`), norm(`${prefix}.post_attention_layernorm.weight`), ...weights];
  }).flat();
  return [
    { name: "model.embed_tokens.weight", shape: [vocabSize, d] },
    ...layers,
    norm("model.norm.weight"),
    ...(config.tiedHead ? [] : [{ name: "lm_head.weight", shape: [vocabSize, d] }]),
  ];
}
