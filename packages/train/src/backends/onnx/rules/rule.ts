/** What a lowering rule is, and what it is given. */
import type { Node } from "../../../ir/node.js";
import type { PrimitiveName } from "../../../ops/table.js";
import type { WeightPlace } from "../../backend.js";
import type { Emitter } from "../emitter.js";

/** ONNX Runtime's own operators. */
export const MICROSOFT = "com.microsoft";

export interface LowerOptions {
  /** That the model will run on, inside one op. */
  readonly threads: number;
  /** See `CompileOptions`. */
  readonly weights: WeightPlace;
}

/** The model so far. */
export interface RuleContext extends Emitter {
  readonly options: LowerOptions;
  /** The value of a node that is lowered already. */
  name(node: Node): string;
  /** The oldest rmsNorm whose second output is this value, if the graph has one. */
  normOf(inverse: Node): Node | undefined;
}

/** Emits what computes a node. @param out the name of its value */
export type Rule = (node: Node, out: string, to: RuleContext) => void;

/** The rules of a family of ops. */
export type Rules = { readonly [K in PrimitiveName]?: Rule };

export const sources = (node: Node, to: RuleContext): string[] => node.src.map((source) => to.name(source));

/** The op keeps its sources' order and has no attribute. */
export const plain =
  (op: string): Rule =>
  (node, out, to) =>
    to.emit(op, sources(node, to), [out]);
