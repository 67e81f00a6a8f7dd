/**
 * Generation in two graphs: one reads whole prompts, one adds a token a sequence over a cache of keys and values.
 * Only new keys and values leave the graph; the cache itself is written outside, in place. (An op that returns the
 * whole cache has it copied at every token.)
 */
import { InternalError } from "@gitune/core";
import type { Graph, Node } from "../../ir/node.js";
import type { Params } from "../../nn/params.js";
import { ropeTable } from "../../nn/rope-table.js";
import { windowMask } from "../../nn/row-mask.js";
import { add, cast, mul } from "../../ops/elementwise.js";
import { gatherRows } from "../../ops/gather.js";
import { input } from "../../ops/leaf.js";
import { matMul } from "../../ops/matmul.js";
import { concat, slice } from "../../ops/movement.js";
import { argMax } from "../../ops/reduce.js";
import { softmax } from "../../ops/softmax.js";
import type { LlamaConfig } from "./config.js";
import { type Attend, attendWithin, finalNorm, headMatrix, type LayerCache, llamaForward } from "./model.js";

/** `token`: the likeliest next id [B] i64 (greedy). `logits`: [B, V], for sampling. */
export type Head = "token" | "logits";

export type DecodeOutputs = Record<string, Node>;

/**
 * Prompts, right-padded. Inputs: ids, positionIds [B, T] i64, rowStarts [B, T], index [T] (0, 1, 2 …), last [B] i64 (each
 * prompt's last position in B·T), and the rope table's. Outputs: the head, and k.N, v.N [B, KV, T, hd] for each layer N.
 */
export function prefillGraph(graph: Graph, config: LlamaConfig, params: Params, head: Head): DecodeOutputs {
  const [batch, length] = [graph.symbol("batch"), graph.symbol("length")];
  const last = input(graph, "last", [batch], "i64");
  const caches: LayerCache[] = [];
  const within = attendWithin(config, input(graph, "index", [length]), input(graph, "rowStarts", [batch, length]));
  const x = llamaForward({
    config,
    params,
    batch,
    length,
    ids: input(graph, "ids", [batch, length], "i64"),
    positions: input(graph, "positionIds", [batch, length], "i64"),
    rope: ropeTable(graph, config.headDim),
    attend: keep(caches, within),
  });
  return { ...headOutput(params, config, gatherRows(x, last), head), ...cacheOutputs(caches, config) };
}

/**
 * One more token a sequence. Inputs: ids, positionIds [B, 1] i64, mask [B, 1, 1, capacity + 1] (0 or -1e9; the last column
 * is the token itself), past.k.N and past.v.N [B, KV, capacity, hd], the rope table's, and, for a model with windows, index
 * [capacity + 1] (0, 1, 2 …). A key's place in the cache is its position.
 * Outputs: the head, and the token's own k.N, v.N [B, KV, 1, hd].
 */
export function stepGraph(graph: Graph, config: LlamaConfig, params: Params, head: Head): DecodeOutputs {
  const { kvHeads, headDim } = config;
  const [batch, capacity] = [graph.symbol("batch"), graph.symbol("capacity")];
  const keys = graph.symbols.declareSum("capacity", 1);
  const positions = input(graph, "positionIds", [batch, 1], "i64");
  const mask = input(graph, "mask", [batch, 1, 1, keys]);
  const maskOf = (window: number | null) =>
    window === null ? mask : add(mask, windowMask(cast(positions, "f32"), input(graph, "index", [keys]), window));
  const past = (name: string) => input(graph, name, [batch, kvHeads, capacity, headDim]);
  const caches: LayerCache[] = [];
  const alpha = 1 / Math.sqrt(headDim);
  const overCache: Attend = (layer, q, { k, v }) => {
    const scores = [past(`past.k.${layer}`), k].map((keys) => matMul(q, keys, { transB: true, alpha }));
    const p = softmax(add(concat(scores, 3), maskOf(config.windows[layer]!)));
    // The token's own value has one row: weighting it is a product by a column, not a matrix product.
    return add(matMul(slice(p, 3, 0, capacity), past(`past.v.${layer}`)), mul(slice(p, 3, capacity, capacity + 1), v));
  };
  const x = llamaForward({
    config,
    params,
    batch,
    length: 1,
    ids: input(graph, "ids", [batch, 1], "i64"),
    positions,
    rope: ropeTable(graph, headDim),
    attend: keep(caches, overCache),
  });
  return { ...headOutput(params, config, x, head), ...cacheOutputs(caches, config) };
}

function keep(caches: LayerCache[], attend: Attend): Attend {
  return (layer, q, cache) => {
    caches[layer] = cache;
    return attend(layer, q, cache);
  };
}

function headOutput(params: Params, config: LlamaConfig, x: Node, head: Head): DecodeOutputs {
  const logits = matMul(finalNorm(params, config, x), headMatrix(params, config), { transB: true });
  return head === "token" ? { token: argMax(logits) } : { logits };
}

function cacheOutputs(caches: readonly LayerCache[], config: LlamaConfig): DecodeOutputs {
  if (caches.length !== config.layers) throw new InternalError(`${caches.length} caches for ${config.layers} layers`);
  return Object.fromEntries(
    caches.flatMap(({ k, v }, layer) => [
      [`k.${layer}`, k],
      [`v.${layer}`, v],
    ]),
  );
}
