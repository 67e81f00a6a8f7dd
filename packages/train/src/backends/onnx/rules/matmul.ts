/** Products: alone, or with a sum in one Gemm. Their rounding never depends on the number of threads (thread-split.ts). */
import type { Node } from "../../../ir/node.js";
import type { ProductSum } from "../find-sums.js";
import { mayDependOnThreads } from "../thread-split.js";
import { MICROSOFT, type RuleContext, type Rules } from "./rule.js";

export const matmul = {
  matMul: (node, out, to) => {
    const { a, b, transA, transB, alpha } = operands(node, to);
    if (!transA && !transB && alpha === 1) return to.emit("MatMul", [a, b], [out]);
    to.emit("FusedMatMul", [a, b], [out], { transA, transB, alpha: { float: alpha } }, MICROSOFT);
  },
} satisfies Rules;

export function lowerGemm({ product, addend }: ProductSum, out: string, to: RuleContext): void {
  const { a, b, transA, transB, alpha } = operands(product, to);
  to.emit("Gemm", [a, b, to.name(addend)], [out], { transA, transB, alpha: { float: alpha } });
}

/** A product's operands. Where the rounding would depend on the number of threads, a is transposed first. */
function operands(product: Node, to: RuleContext) {
  const { transA, transB, alpha } = product.attrs as { transA: boolean; transB: boolean; alpha: number };
  const [a, b] = product.src as [Node, Node];
  const packed = to.options.weights === "packed" && isPacked(b);
  const sizes = { shape: product.shape, inner: a.shape.at(-1)! };
  const isSafe = transA || packed || !mayDependOnThreads(sizes, product.graph.symbols, to.options.threads);
  return {
    a: isSafe ? to.name(a) : transposed(a, to),
    b: to.name(b),
    transA: Number(transA || !isSafe),
    transB: Number(transB),
    alpha,
  };
}

/** ONNX Runtime computes what follows from literals alone, and packs a literal's columns, once, when it loads the model. */
const isPacked = ({ def, src }: Node): boolean =>
  def.name === "weight" || def.name === "constant" || (FOLDED.has(def.name) && isPacked(src[0]!));
const FOLDED: ReadonlySet<string> = new Set(["cast", "slice", "reshape"]);

/** [..., m, k] -> [..., k, m], in a form that no optimizer folds back into the product. */
function transposed(node: Node, to: RuleContext): string {
  const out = `%${node.id}:transposed`;
  if (!to.isNew(out)) return out;
  const { shape } = node;
  const rank = shape.length;
  const swapped = [...shape.slice(0, -2), shape[rank - 1]!, shape[rank - 2]!];
  const perm = [...shape.slice(0, -2).keys(), rank - 1, rank - 2, rank];
  to.emit("Reshape", [to.name(node), to.target(shape, [...shape, 1])], [`${out}:before`]);
  to.emit("Transpose", [`${out}:before`], [`${out}:after`], { perm });
  to.emit("Reshape", [`${out}:after`, to.target([...swapped, 1], swapped)], [out]);
  return out;
}
