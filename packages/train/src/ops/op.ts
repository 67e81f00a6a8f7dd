/** One record an op: its shape rule and its gradient stand together (style.md §1). */
import type { DType } from "../ir/dtype.js";
import type { Attrs, Node } from "../ir/node.js";
import type { Shape } from "../ir/shape.js";

export interface VjpArgs {
  readonly node: Node;
  readonly src: readonly Node[];
  /** The gradient of the loss by this node's value; it has the node's shape. */
  readonly grad: Node;
  /** Which sources need a gradient: a rule may leave the others null. */
  readonly needs: readonly boolean[];
}

export interface OpDef {
  readonly name: string;
  /** @throws GituneError `engine.shape` where the sources do not fit. */
  readonly infer: (src: readonly Node[], attrs: Attrs) => { readonly shape: Shape; readonly dtype: DType };
  /** Vector-Jacobian product: one gradient a source. Null: nothing flows back through this op. */
  readonly vjp: ((args: VjpArgs) => readonly (Node | null)[]) | null;
  /** Places of sources that no gradient flows to: what they are made of is a source too, and its gradient says all. */
  readonly detached?: readonly number[];
  /** Attributes that hold sizes or indices along an axis, so that symbols in them can be given values. */
  readonly sizes?: readonly string[];
  /** Its gradient is not the derivative of its value, by design: the op's own tests say what it is. */
  readonly isStraightThrough?: true;
  /** A composite op is replaced by this before lowering, so backends know primitives only. */
  readonly expand?: (src: readonly Node[], attrs: Attrs) => Node;
}

/** Keeps the literal name, so that the table's keys become the union of op names. */
export function defineOp<const T extends OpDef>(def: T): T {
  return def;
}

/**
 * The same value, computed a second time: a gradient that asks for it does not keep the first one in memory from the
 * forward pass on (Chen et al. 2016, https://arxiv.org/abs/1604.06174). For what is cheap to compute and large to keep.
 */
export function again(node: Node): Node {
  return node.graph.make(node.def, node.src, { ...node.attrs, again: true });
}

/** Builds a node from its sources; the first one says in which graph. */
export function apply(def: OpDef, src: readonly [Node, ...Node[]], attrs: Attrs = {}): Node {
  return src[0].graph.make(def, src, attrs);
}
