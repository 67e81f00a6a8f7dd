import type { Graph, Node } from "../../ir/node.js";
import type { Params } from "../../nn/params.js";
import { ropeTable } from "../../nn/rope-table.js";
import { gatherRows } from "../../ops/gather.js";
import { input } from "../../ops/leaf.js";
import { headLoss } from "../../ops/loss.js";
import { reshape } from "../../ops/movement.js";
import type { LlamaConfig } from "./config.js";
import { attendWithin, finalNorm, headLogits, headMatrix, llamaForward } from "./model.js";

/**
 * The weighted cross-entropy of one pass of any size; logits exist at label positions only.
 * Inputs: those of `statesAt`, labels [labels] i64, weights [labels, 1].
 * @returns the loss, a scalar in nats
 */
export function llamaLoss(graph: Graph, config: LlamaConfig, params: Params, blocks = 1): Node {
  const labels = graph.symbol("labels");
  const label = input(graph, "labels", [labels], "i64");
  const weights = input(graph, "weights", [labels, 1]);
  const h = statesAt(graph, config, params, blocks);
  return graph.scope("loss", () =>
    headLoss(h, headMatrix(params, config), label, weights, headLogits(params, config, h)),
  );
}

/** What a pass says at chosen places. Inputs: those of `statesAt`. @returns logits [labels, vocab] */
export function llamaLogits(graph: Graph, config: LlamaConfig, params: Params, blocks = 1): Node {
  const h = statesAt(graph, config, params, blocks);
  return graph.scope("head", () => headLogits(params, config, h));
}

/**
 * The last hidden states, normed, at chosen places of a pass.
 * Inputs, each with T as blocks (`lanes.ts`): ids [B, T] i64, positionIds [B, T] i64 (each row's own count), rowStarts [B, T],
 * index [T] (0, 1, 2 …). And positions [labels] i64 into B·T, and the rope table's.
 * @returns [labels, hidden]
 */
function statesAt(graph: Graph, config: LlamaConfig, params: Params, blocks: number): Node {
  const [batch, block, labels] = [graph.symbol("batch"), graph.symbol("block"), graph.symbol("labels")];
  const length = blocks * block;
  const perToken = (name: string, dtype?: "i64") =>
    reshape(input(graph, name, [batch, blocks, block], dtype), [batch, length]);
  const at = input(graph, "positions", [labels], "i64");
  const x = llamaForward({
    config,
    params,
    batch,
    length,
    ids: perToken("ids", "i64"),
    positions: perToken("positionIds", "i64"),
    rope: ropeTable(graph, config.headDim),
    attend: attendWithin(
      config,
      reshape(input(graph, "index", [blocks, block]), [length]),
      perToken("rowStarts"),
      blocks,
    ),
  });
  return graph.scope("states", () => finalNorm(params, config, gatherRows(x, at)));
}
