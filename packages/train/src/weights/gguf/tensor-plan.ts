/** Which tensor of a GGUF file becomes which tensor of a checkpoint. */
import { formatShape, type Shape, sameShape } from "../../ir/shape.js";
import { ggufError, shown } from "./gguf-error.js";
import type { GgufFile, GgufTensor } from "./gguf-file.js";

/** One tensor to write. */
export interface PlannedTensor {
  /** In a Hugging Face checkpoint. */
  readonly name: string;
  readonly shape: Shape;
  readonly from: GgufTensor;
  /**
   * Rows of a head, where llama.cpp has reordered them; 0 where it has not. It rotates neighbouring rows where Hugging
   * Face rotates row i with row i + half, so its converter writes row i of a head's first half to 2i, of the second to 2i + 1.
   */
  readonly interleaved: number;
}

/** llama.cpp's names (gguf-py's `tensor_mapping.py`) by the checkpoint's, both without `.weight` or `.bias`. */
const OUTSIDE: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};
const INSIDE: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  post_attention_layernorm: "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};
const INTERLEAVED = /\.self_attn\.[qk]_proj\./;
/** Read as part of the config. */
const NOT_WEIGHTS = new Set(["rope_freqs.weight"]);

/** @returns a GGUF tensor's name; undefined where llama.cpp has none */
export function ggufName(name: string): string | undefined {
  const [, module = "", suffix = ""] = /^(.*)(\.weight|\.bias)$/.exec(name) ?? [];
  const [, layer, inner = ""] = /^model\.layers\.(\d+)\.(.*)$/.exec(module) ?? [];
  const stem = layer === undefined ? OUTSIDE[module] : INSIDE[inner] && `blk.${layer}.${INSIDE[inner]}`;
  return stem && `${stem}${suffix}`;
}

/**
 * Every tensor of the model, each in its place, and nothing left over.
 * @param tensors what the model needs
 * @param headDim rows of a head where the architecture's query and key rows are interleaved; 0 where not
 * @throws {GituneError} (exit code 2) `base.weights` where one is missing or of another shape; `model.unsupported` where the
 *   file has one that the model would not use
 */
export function planTensors(
  gguf: GgufFile,
  tensors: readonly { readonly name: string; readonly shape: Shape }[],
  headDim: number,
): PlannedTensor[] {
  const unused = new Set(gguf.tensors.keys());
  for (const name of NOT_WEIGHTS) unused.delete(name);
  const plan = tensors.map(({ name, shape }): PlannedTensor => {
    const at = ggufName(name) ?? name;
    const from = gguf.tensors.get(at);
    unused.delete(at);
    if (!from || !sameShape(from.shape, shape)) {
      throw ggufError(gguf.shown, `the weights do not fit the metadata at ${at}`, {
        code: "base.weights",
        at,
        expected: formatShape(shape),
        found: from ? formatShape(from.shape) : "nothing",
        fix: "convert the model again with a current llama.cpp",
      });
    }
    return { name, shape, from, interleaved: INTERLEAVED.test(name) ? headDim : 0 };
  });
  const [extra] = unused;
  if (extra !== undefined) {
    throw ggufError(gguf.shown, `the file has a tensor ${shown(extra)}, which this model would not use`, {
      code: "model.unsupported",
      at: extra,
      fix: "use a base of the Llama family",
    });
  }
  return plan;
}
