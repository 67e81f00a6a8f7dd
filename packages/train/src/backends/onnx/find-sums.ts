/** Sums that take a product over: a·b + c, or + a bias, in one Gemm, which is one pass less over the sum. */
import type { Node } from "../../ir/node.js";
import { sameShape } from "../../ir/shape.js";

export interface ProductSum {
  readonly product: Node;
  readonly addend: Node;
}

/** @returns by the sum's node; each product has no other user */
export function findSums(order: readonly Node[], roots: readonly Node[]): ReadonlyMap<Node, ProductSum> {
  const uses = new Map<Node, number>();
  for (const node of [...order.flatMap((user) => user.src), ...roots]) uses.set(node, (uses.get(node) ?? 0) + 1);
  const sums = new Map<Node, ProductSum>();
  for (const node of order) {
    if (node.def.name !== "add") continue;
    const [left, right] = node.src as [Node, Node];
    const sum = [
      { product: left, addend: right },
      { product: right, addend: left },
    ].find((parts) => uses.get(parts.product) === 1 && fitsGemm(parts));
    if (sum) sums.set(node, sum);
  }
  return sums;
}

function fitsGemm({ product, addend }: ProductSum): boolean {
  return (
    product.def.name === "matMul" &&
    product.shape.length === 2 &&
    product.src.every((source) => source.shape.length === 2) &&
    (sameShape(addend.shape, product.shape) || sameShape(addend.shape, product.shape.slice(1)))
  );
}
