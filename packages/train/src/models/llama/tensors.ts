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
  /** It adds `<module>.bias` [dOut]. */
  readonly bias: boolean;
}

/** The embedding's module name. */
export const EMBEDDING = "model.embed_tokens";

/** The module whose weight [vocab, hidden] makes logits. */
export const headModule = ({ tiedHead }: Pick<LlamaConfig, "tiedHead">): string => (tiedHead ? EMBEDDING : "lm_head");

/** The linear layers that tuners may target, in the order of the forward pass. */
export function llamaLinears(config: LlamaConfig): LinearSpec[] {
  const { hiddenSize: d, intermediateSize: f, heads, kvHeads, headDim, qkvBias, outBias, mlpBias } = config;
  return Array.from({ length: config.layers }, (_, layer) => {
    const at = (name: string, dIn: number, dOut: number, bias: boolean): LinearSpec => ({
      module: `model.layers.${layer}.${name}`,
      dIn,
      dOut,
      bias,
    });
    return [
      at("self_attn.q_proj", d, heads * headDim, qkvBias),
      at("self_attn.k_proj", d, kvHeads * headDim, qkvBias),
      at("self_attn.v_proj", d, kvHeads * headDim, qkvBias),
      at("self_attn.o_proj", heads * headDim, d, outBias),
      at("mlp.gate_proj", d, f, mlpBias),
      at("mlp.up_proj", d, f, mlpBias),
      at("mlp.down_proj", f, d, mlpBias),
    ];
  }).flat();
}

/** Every tensor of a checkpoint, in the order of the forward pass. */
export function llamaTensors(config: LlamaConfig): TensorSpec[] {
  const { hiddenSize: d, vocabSize, headDim } = config;
  const norm = (module: string, size = d): TensorSpec => ({ name: `${module}.weight`, shape: [size] });
  const linears = llamaLinears(config);
  const layers = Array.from({ length: config.layers }, (_, layer) => {
    const prefix = `model.layers.${layer}`;
    const maps = linears
      .filter(({ module }) => module.startsWith(`${prefix}.`))
      .flatMap(({ module, dIn, dOut, bias }): TensorSpec[] => [
        { name: `${module}.weight`, shape: [dOut, dIn] },
        ...(bias ? [{ name: `${module}.bias`, shape: [dOut] }] : []),
      ]);
    const headNorms = config.qkNorm ? ["self_attn.q_norm", "self_attn.k_norm"] : [];
    return [
      norm(`${prefix}.input_layernorm`),
      norm(`${prefix}.post_attention_layernorm`),
      ...headNorms.map((name) => norm(`${prefix}.${name}`, headDim)),
      ...maps,
    ];
  }).flat();
  return [
    { name: `${EMBEDDING}.weight`, shape: [vocabSize, d] },
    ...layers,
    norm("model.norm"),
    ...(config.tiedHead ? [] : [{ name: "lm_head.weight", shape: [vocabSize, d] }]),
  ];
}
