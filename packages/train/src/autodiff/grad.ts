import { InternalError } from "@gitune/core";
import { type Node, topologicalOrder } from "../ir/node.js";
import { formatShape, sameShape } from "../ir/shape.js";
import { add } from "../ops/elementwise.js";
import { scalar } from "../ops/leaf.js";

/**
 * Reverse-mode gradients: one walk back over the table's rules. Only what lies between the loss and
 * `wrt` is visited, so nothing is computed below the first trainable tensor.
 * @param loss a scalar []   @param wrt the nodes to differentiate by
 * @returns one gradient a node of `wrt`, of its shape
 * @throws InternalError where the loss does not depend on a node, or only through an op without a gradient
 */
export function gradients(loss: Node, wrt: readonly Node[]): Node[] {
  if (loss.shape.length > 0) throw new InternalError(`${place(loss)} is no scalar but ${formatShape(loss.shape)}`);
  const graph = loss.graph;
  const order = topologicalOrder([loss]);
  const needed = new Set<Node>(wrt);
  const needsOf = (node: Node) => node.src.map((source, i) => needed.has(source) && !node.def.detached?.includes(i));
  for (const node of order) if (needsOf(node).includes(true)) needed.add(node);

  const grads = new Map<Node, Node>([[loss, scalar(graph, 1)]]);
  for (const node of order.reverse()) {
    const grad = grads.get(node);
    const needs = needsOf(node);
    if (!grad || !needs.includes(true)) continue;
    if (!node.def.vjp) {
      throw new InternalError(`${place(node)} has no gradient`);
    }
    const parts = graph.scope(`grad/${node.scope}`, () => node.def.vjp!({ node, src: node.src, grad, needs }));
    for (const [i, source] of node.src.entries()) {
      const part = parts[i];
      // An index has no gradient: it moves in steps, so it is 0 wherever it exists.
      if (!needs[i] || source.dtype !== "f32") continue;
      if (!part)
        throw new InternalError(`${place(node)} has no gradient for its source ${i}, %${source.id} ${source.def.name}`);
      if (!sameShape(part.shape, source.shape)) {
        throw new InternalError(
          `${node.def.name}: gradient ${i} is ${formatShape(part.shape)}, its source ${formatShape(source.shape)}`,
        );
      }
      const sum = grads.get(source);
      grads.set(source, sum ? add(sum, part) : part);
    }
  }
  return wrt.map((node) => {
    const grad = grads.get(node);
    if (!grad)
      throw new InternalError(`the loss does not depend on %${node.id} ${String(node.attrs["name"] ?? node.def.name)}`);
    return grad;
  });
}

const place = (node: Node): string => `${node.def.name} (%${node.id}${node.scope ? ` in ${node.scope}` : ""})`;
