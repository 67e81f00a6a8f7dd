import type { Graph, Node } from "../../ir/node.js";
import type { Params } from "../../nn/params.js";
import { arangePositions, causalMask, ropeTable } from "../../nn/rope-table.js";
import { gatherRows } from "../../ops/gather.js";
import { input } from "../../ops/leaf.js";
import { headLoss } from "../../ops/loss.js";
import type { LlamaConfig } from "./config.js";
import { attendWithin, finalNorm, headMatrix, llamaForward } from "./model.js";

/** The static sizes of one training pass. */
export interface PassShape {
  readonly batch: number;
  /** Tokens a sequence. */
  readonly length: number;
  /** Label positions. */
  readonly labels: number;
}

/**
 * The weighted cross-entropy of one pass; logits exist at label positions only.
 * Inputs: ids [B·T] i64, positions [labels] i64 into B·T, labels [labels] i64, weights [labels, 1].
 * @returns the loss, a scalar in nats
 */
export function llamaLoss(graph: Graph, config: LlamaConfig, params: Params, shape: PassShape): Node {
  const { batch, length, labels } = shape;
  const ids = input(graph, "ids", [batch * length], "i64");
  const at = input(graph, "positions", [labels], "i64");
  const label = input(graph, "labels", [labels], "i64");
  const weights = input(graph, "weights", [labels, 1]);
  const x = llamaForward({
    config,
    params,
    batch,
    length,
    ids,
    positions: arangePositions(graph, batch, length),
    rope: ropeTable(graph, length, config.headDim, config.ropeTheta),
    attend: attendWithin(config, causalMask(graph, length, config.heads / config.kvHeads)),
  });
  return graph.scope("loss", () => {
    const h = finalNorm(params, config, gatherRows(x, at));
    return headLoss(h, headMatrix(params, config), label, weights);
  });
}
