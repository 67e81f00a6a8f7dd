/**
 * Generation: tokens are read over a cache of keys and values, whole prompts at first, then one token a sequence.
 * Only new keys and values leave the graph; the cache itself is written outside, in place. (An op that returns the
 * whole cache has it copied at every token.)
 */
import { InternalError } from "@gitune/core";
import type { Graph, Node } from "../../ir/node.js";
import type { Params } from "../../nn/params.js";
import { ropeTable } from "../../nn/rope-table.js";
import { keyMask } from "../../nn/row-mask.js";
import { add, cast } from "../../ops/elementwise.js";
import { gatherRows } from "../../ops/gather.js";
import { input } from "../../ops/leaf.js";
import { matMul } from "../../ops/matmul.js";
import { concat, reshape, slice } from "../../ops/movement.js";
import { softmax } from "../../ops/softmax.js";
import type { LlamaConfig } from "./config.js";
import { type Attend, finalNorm, headLogits, type LayerCache, llamaForward } from "./model.js";

/**
 * Reads T more tokens of each sequence, T from 1 up, over what was read of it before. One graph serves prompts and single
 * tokens, so that the weights are packed once.
 * Inputs: ids, positionIds [B, T] i64; past.k.N, past.v.N [B, KV, capacity, hd] for each layer N; keyPositions
 * [B, capacity + T] f32: of the cache's places and of the tokens themselves; ends [rows] i64: the places in B·T whose next
 * token is wanted; the rope table's.
 * Outputs: logits [rows, V]; k.N, v.N [B, KV, T, hd] of the tokens read.
 */
export function extendGraph(graph: Graph, config: LlamaConfig, params: Params): Record<string, Node> {
  const [batch, length] = [graph.symbol("batch"), graph.symbol("length")];
  const capacity = graph.symbol("capacity");
  const keys = graph.symbols.declareTotal("keys", ["capacity", "length"]);
  const positions = input(graph, "positionIds", [batch, length], "i64");
  const maskOf = (window: number | null) =>
    reshape(keyMask(cast(positions, "f32"), input(graph, "keyPositions", [batch, keys]), window), [
      batch,
      1,
      1,
      length,
      keys,
    ]);
  const { kvHeads, headDim } = config;
  const past = (name: string) => input(graph, `past.${name}`, [batch, kvHeads, capacity, headDim]);
  const caches: LayerCache[] = [];
  const overCache: Attend = (layer, q, { k, v }) => {
    caches[layer] = { k, v };
    const alpha = 1 / Math.sqrt(headDim);
    const scores = concat(
      [past(`k.${layer}`), k].map((part) => matMul(q, part, { transB: true, alpha })),
      3,
    );
    // All heads of a group share the mask.
    const byHead = reshape(scores, [batch, kvHeads, config.heads / kvHeads, length, keys]);
    const p = reshape(softmax(add(byHead, maskOf(config.windows[layer]!))), scores.shape);
    return add(matMul(slice(p, 3, 0, capacity), past(`v.${layer}`)), matMul(slice(p, 3, capacity, keys), v));
  };
  const x = llamaForward({
    config,
    params,
    batch,
    length,
    ids: input(graph, "ids", [batch, length], "i64"),
    positions,
    rope: ropeTable(graph, headDim),
    attend: overCache,
  });
  const last = gatherRows(x, input(graph, "ends", [graph.symbol("rows")], "i64"));
  const logits = headLogits(params, config, finalNorm(params, config, last));
  if (caches.length !== config.layers) throw new InternalError(`${caches.length} caches for ${config.layers} layers`);
  return Object.fromEntries([
    ["logits", logits],
    ...caches.flatMap(({ k, v }, layer) => [
      [`k.${layer}`, k],
      [`v.${layer}`, v],
    ]),
  ]);
}
