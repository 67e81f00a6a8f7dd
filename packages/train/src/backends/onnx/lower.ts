/** Turns a graph into an ONNX model: a walk over its nodes, by the rules of `rules/`. */
import { InternalError } from "@gitune/core";
import { type Node, topologicalOrder } from "../../ir/node.js";
import type { PrimitiveName } from "../../ops/table.js";
import { expandComposites } from "../../passes/expand-composites.js";
import { Emitter } from "./emitter.js";
import { findSums, type ProductSum } from "./find-sums.js";
import { encodeModel, type OnnxValue } from "./proto.js";
import { lowerGemm } from "./rules/matmul.js";
import type { LowerOptions, RuleContext } from "./rules/rule.js";
import { RULES } from "./rules/table.js";
import { WeightFiles } from "./weight-files.js";

export interface LoweredModel {
  /** The serialized ModelProto; frozen weights are references into checkpoint files. */
  readonly bytes: Uint8Array;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The folder that the weight references are relative to; null without weights. */
  readonly weightsFolder: string | null;
}

/** @param outputs name -> node; composites are expanded here */
export function lowerToOnnx(outputs: Readonly<Record<string, Node>>, options: LowerOptions): LoweredModel {
  const names = Object.keys(outputs);
  const roots = expandComposites(Object.values(outputs));
  const lowering = new Lowering(topologicalOrder(roots), roots, names, options);
  return lowering.finish(names, roots);
}

/**
 * Flags as numbers, and what they are multiplied by: cheaper to make again for the backward pass than to keep. Dropout
 * on all linear layers of a 135M model would else hold 1.2 GB a pass of 1,024 tokens.
 */
const isFleeting = (node: Node): boolean => isFlags(node) || (node.def.name === "mul" && node.src.some(isFlags));
const isFlags = ({ def, src }: Node): boolean => def.name === "cast" && src[0]!.dtype === "u8";

const normKey = (node: Node): string => `${node.src[0]!.id}|${String(node.attrs["eps"])}`;

class Lowering extends Emitter implements RuleContext {
  readonly options: LowerOptions;
  readonly #order: readonly Node[];
  readonly #sums: ReadonlyMap<Node, ProductSum>;
  /** The products of these sums. */
  readonly #skipped: ReadonlySet<Node>;
  readonly #names = new Map<Node, string>();
  /** Values that are written under an output's name at once. */
  readonly #outputNames = new Map<Node, string>();
  readonly #inputs: OnnxValue[] = [];
  /**
   * Every value's shape. ONNX Runtime plans which buffers to use again by comparing shapes, and loses symbols on the way:
   * left to itself it took 7 s over the graph of a 135M model in 8 bits, in place of 0.3 s.
   */
  readonly #values: OnnxValue[] = [];
  /** rmsNorm nodes by "x id|eps": rmsInverse is their second output. */
  readonly #norms = new Map<string, Node>();
  readonly #weightFiles = new WeightFiles();
  #timesEmitted = 0;

  constructor(order: readonly Node[], roots: readonly Node[], outputNames: readonly string[], options: LowerOptions) {
    super(
      roots[0]!.graph.symbols,
      order.filter(({ def }) => def.name === "input"),
    );
    this.options = options;
    this.#order = order;
    this.#sums = findSums(order, roots);
    this.#skipped = new Set([...this.#sums.values()].map(({ product }) => product));
    for (const [i, node] of roots.entries()) {
      if (node.src.length > 0 && !this.#outputNames.has(node)) this.#outputNames.set(node, outputNames[i]!);
    }
    for (const node of order) {
      // The oldest of them is lowered before any gradient that asks for its second output.
      if (node.def.name === "rmsNorm" && !this.#norms.has(normKey(node))) this.#norms.set(normKey(node), node);
    }
  }

  finish(outputNames: readonly string[], roots: readonly Node[]): LoweredModel {
    for (const node of this.#order) this.#lower(node);
    const outputs = roots.map((node, i): OnnxValue => {
      const name = outputNames[i]!;
      // An output needs a name of its own even where its value is an input, a literal, or has a name already.
      if (this.name(node) !== name) this.emit("Identity", [this.name(node)], [name]);
      return { name, dtype: node.dtype, shape: this.declared(node.shape) };
    });
    const { folder: weightsFolder } = this.#weightFiles;
    const literals = [...this.initializers.values()];
    const initializers = literals.map((tensor) => this.#weightFiles.relativeTo(weightsFolder, tensor));
    const bytes = encodeModel({ nodes: this.nodes, initializers, inputs: this.#inputs, outputs, values: this.#values });
    return { bytes, inputs: this.#inputs, outputs, weightsFolder };
  }

  name(node: Node): string {
    if (isFleeting(node)) return this.#emitAnew(node);
    const name = this.#names.get(node);
    if (!name) throw new InternalError(`%${node.id} ${node.def.name} is used before it is lowered`);
    return name;
  }

  normOf(inverse: Node): Node | undefined {
    return this.#norms.get(normKey(inverse));
  }

  #lower(node: Node): void {
    const { name } = node.def;
    if (name === "input") this.#lowerInput(node);
    else if (name === "weight") this.#lowerWeight(node);
    else if (name === "constant") this.#lowerConstant(node);
    else if (!this.#skipped.has(node) && !isFleeting(node)) {
      const out = this.#outputNames.get(node) ?? `%${node.id}`;
      this.#names.set(node, out);
      const sum = this.#sums.get(node);
      if (sum) lowerGemm(sum, out, this);
      else RULES[name as PrimitiveName](node, out, this);
      if (!this.#outputNames.has(node))
        this.#values.push({ name: out, dtype: node.dtype, shape: this.declared(node.shape) });
    }
  }

  #lowerInput(node: Node): void {
    const name = String(node.attrs["name"]);
    this.#names.set(node, name);
    this.#inputs.push({ name, dtype: node.dtype, shape: this.declared(node.shape) });
  }

  #lowerWeight(node: Node): void {
    const source = node.graph.weightSource(node);
    if (!source) throw new InternalError(`weight ${String(node.attrs["name"])} has no source`);
    const name = `w:${String(node.attrs["name"])}`;
    this.#names.set(node, name);
    this.#weightFiles.add(source.file);
    const data = { location: source.file, offset: source.offset, length: source.length };
    this.initializers.set(name, { name, dtype: node.dtype, shape: node.shape, data });
  }

  #lowerConstant(node: Node): void {
    const data = node.graph.constantData(node);
    if (!data) throw new InternalError(`constant %${node.id} has no data`);
    const name = `%${node.id}`;
    this.#names.set(node, name);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.set(name, { name, dtype: node.dtype, shape: node.shape, data: bytes });
  }

  /** Each user gets a value of its own, which is gone as soon as it is used. */
  #emitAnew(node: Node): string {
    const out = `%${node.id}:${this.#timesEmitted++}`;
    RULES[node.def.name as PrimitiveName](node, out, this);
    return out;
  }
}
