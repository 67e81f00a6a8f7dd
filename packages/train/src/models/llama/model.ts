/** The forward pass of Llama: Touvron et al. 2023, https://arxiv.org/abs/2302.13971 §2.2, with grouped queries. */
import type { Node } from "../../ir/node.js";
import { linear } from "../../nn/linear.js";
import type { Params } from "../../nn/params.js";
import type { RopeTable } from "../../nn/rope-table.js";
import { rowMask } from "../../nn/row-mask.js";
import { attention } from "../../ops/attention.js";
import { gatherRows } from "../../ops/gather.js";
import { reshape, transpose } from "../../ops/movement.js";
import { rmsNorm } from "../../ops/norm.js";
import { rope } from "../../ops/rope.js";
import { swiglu } from "../../ops/swiglu.js";
import type { LlamaConfig } from "./config.js";
import { EMBEDDING, headModule } from "./tensors.js";

/** Keys and values of one layer for the tokens of this pass: [B, KV, T, hd], keys already rotated. */
export interface LayerCache {
  readonly k: Node;
  readonly v: Node;
}

/** How one layer's queries meet keys: over this pass alone, or over a cache too. */
export type Attend = (layer: number, q: Node, cache: LayerCache) => Node;

export interface LlamaPass {
  readonly config: LlamaConfig;
  readonly params: Params;
  readonly batch: number;
  /** Tokens a sequence in this pass. */
  readonly length: number;
  /** [batch, length] i64 */
  readonly ids: Node;
  /** [batch, length] i64 */
  readonly positions: Node;
  readonly rope: RopeTable;
  readonly attend: Attend;
}

/** Embeds and runs all layers. @returns the hidden states before the last norm, [batch * length, hidden] */
export function llamaForward(pass: LlamaPass): Node {
  const { config, params, ids } = pass;
  let x = gatherRows(embedding(params, config), reshape(ids, [pass.batch * pass.length]));
  for (let layer = 0; layer < config.layers; layer++) {
    x = ids.graph.scope(`layers.${layer}`, () => decoderLayer(pass, layer, x));
  }
  return x;
}

/** The last norm. @param x [n, hidden] */
export function finalNorm(params: Params, config: LlamaConfig, x: Node): Node {
  return rmsNorm(x, params.tensor("model.norm.weight", [config.hiddenSize]), config.normEps);
}

/** The output head's matrix, [vocab, hidden]. */
export const headMatrix = (params: Params, config: LlamaConfig): Node =>
  params.tensor(`${headModule(config)}.weight`, [config.vocabSize, config.hiddenSize]);

/** @param h [n, hidden], normed   @returns [n, vocab] */
export const headLogits = (params: Params, config: LlamaConfig, h: Node): Node =>
  params.product(headModule(config), h, config.vocabSize);

/**
 * softmax(q kᵀ / sqrt(hd) + mask) v over this pass alone; layers of one window share a mask.
 * @param index [T]: 0, 1, 2 …   @param rowStarts [B, T]   @param blocks that T is a multiple of
 */
export function attendWithin(config: LlamaConfig, index: Node, rowStarts: Node, blocks: number): Attend {
  return (layer, q, { k, v }) => {
    const mask = index.graph.scope("mask", () => rowMask(index, rowStarts, config.windows[layer]!));
    return attention(q, k, v, mask, 1 / Math.sqrt(config.headDim), blocks);
  };
}

const embedding = (params: Params, config: LlamaConfig): Node =>
  params.tensor(`${EMBEDDING}.weight`, [config.vocabSize, config.hiddenSize]);

function decoderLayer(pass: LlamaPass, layer: number, x: Node): Node {
  const { config, params, batch, length } = pass;
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize, outBias, mlpBias } = config;
  const module = (name: string) => `model.layers.${layer}.${name}`;
  const norm = (name: string, value: Node) =>
    rmsNorm(value, params.tensor(module(`${name}.weight`), [value.shape.at(-1)!]), config.normEps);
  const h = norm("input_layernorm", x);
  /** [B·T, d] -> [B, n, T, hd] */
  const toHeads = (name: string, n: number) => {
    const value = linear(params, module(name), h, n * headDim, { bias: config.qkvBias });
    return transpose(reshape(value, [batch, length, n, headDim]), [0, 2, 1, 3]);
  };
  const turn = (normName: string, value: Node) =>
    rope(config.qkNorm ? norm(normName, value) : value, pass.positions, pass.rope.cos, pass.rope.sin);

  const q = turn("self_attn.q_norm", toHeads("self_attn.q_proj", heads));
  const k = turn("self_attn.k_norm", toHeads("self_attn.k_proj", kvHeads));
  const v = toHeads("self_attn.v_proj", kvHeads);
  // Heads of a group become rows of it: [B, H, T, hd] -> [B, KV, G·T, hd].
  const grouped = reshape(q, [batch, kvHeads, (heads / kvHeads) * length, headDim]);
  const o = reshape(pass.attend(layer, grouped, { k, v }), [batch, heads, length, headDim]);
  const joined = reshape(transpose(o, [0, 2, 1, 3]), [batch * length, heads * headDim]);
  const afterAttention = linear(params, module("self_attn.o_proj"), joined, hiddenSize, { bias: outBias, residual: x });

  const h2 = norm("post_attention_layernorm", afterAttention);
  const gate = linear(params, module("mlp.gate_proj"), h2, intermediateSize, { bias: mlpBias });
  const up = linear(params, module("mlp.up_proj"), h2, intermediateSize, { bias: mlpBias });
  return linear(params, module("mlp.down_proj"), swiglu(gate, up), hiddenSize, {
    bias: mlpBias,
    residual: afterAttention,
  });
}
