/**
 * The graph: immutable nodes, interned per graph (the same op on the same sources with the same attributes
 * is the same node). Interning is what lets a gradient rule name a value of the forward pass by building it again.
 */
import { InternalError } from "@gitune/core";
import type { OpDef } from "../ops/op.js";
import type { DType } from "./dtype.js";
import { formatShape, type Shape, sameShape, shapeError, sizeOf } from "./shape.js";
import { Symbols } from "./symbol.js";

export type Attrs = { readonly [name: string]: number | string | boolean | readonly number[] };

export interface Node {
  /** Rises in the order of building, so sources always have smaller ids. */
  readonly id: number;
  readonly def: OpDef;
  readonly src: readonly Node[];
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where it was built: for messages and profiles, not part of its identity. */
  readonly scope: string;
  readonly graph: Graph;
}

/** Where a frozen weight's bytes lie: inside a checkpoint file, which the backend maps, never copies. */
export interface WeightSource {
  /** Absolute path. */
  readonly file: string;
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly length: number;
}

export type ConstantData = Float32Array | BigInt64Array;

export class Graph {
  readonly #nodes: Node[] = [];
  readonly #interned = new Map<string, Node>();
  readonly #constants = new Map<number, ConstantData>();
  readonly #weights = new Map<number, WeightSource>();
  readonly symbols: Symbols;
  #scope = "";

  /**
   * @param avoid sizes that no symbol may divide: those of the model and of what is trained
   * @param leastTokens how many tokens a pass has at least (`symbol.ts`)
   */
  constructor(avoid: readonly number[] = [], leastTokens?: number) {
    this.symbols = new Symbols(avoid, leastTokens);
  }

  /** The stand-in for a size that is known only at run time (`symbol.ts`). */
  symbol(name: string): number {
    return this.symbols.declare(name);
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Builds (or finds) a node; shape and dtype come from the op's own rule. */
  make(def: OpDef, src: readonly Node[], attrs: Attrs = {}): Node {
    for (const node of src) {
      if (node.graph !== this) throw shapeError(def.name, `source %${node.id} belongs to another graph`);
    }
    const key = `${def.name}|${src.map((node) => node.id).join(",")}|${JSON.stringify(attrs)}`;
    const found = this.#interned.get(key);
    if (found) return found;
    const { shape, dtype } = def.infer(src, attrs);
    return this.#add(key, def, src, attrs, shape, dtype);
  }

  /** A value fed at every run. */
  input(def: OpDef, name: string, shape: Shape, dtype: DType): Node {
    return this.#leaf(def, { name, shape, dtype });
  }

  /** A tensor of a checkpoint. The name is its identity: one name, one node. */
  weight(def: OpDef, name: string, shape: Shape, dtype: DType, source: WeightSource): Node {
    const node = this.#leaf(def, { name, shape, dtype });
    const { file, offset, length } = this.#weights.get(node.id) ?? source;
    if (file !== source.file || offset !== source.offset || length !== source.length)
      throw new InternalError(
        `weight ${name} lies in two places: ${file} at ${offset}, ${source.file} at ${source.offset}`,
      );
    this.#weights.set(node.id, source);
    return node;
  }

  /** A small literal, interned by value (`key` may shorten a long one). */
  constant(def: OpDef, data: ConstantData, shape: Shape, key?: string): Node {
    if (data.length !== sizeOf(shape)) throw shapeError("constant", `${data.length} values for ${formatShape(shape)}`);
    const dtype = data instanceof BigInt64Array ? "i64" : "f32";
    const node = this.#leaf(def, { name: key ?? literalName(data), shape, dtype });
    if (!this.#constants.has(node.id)) this.#constants.set(node.id, data);
    return node;
  }

  constantData(node: Node): ConstantData | undefined {
    return this.#constants.get(node.id);
  }

  weightSource(node: Node): WeightSource | undefined {
    return this.#weights.get(node.id);
  }

  /** Nodes built inside `build` carry the scope's name. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = outer ? `${outer}/${name}` : name;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  #leaf(def: OpDef, attrs: { name: string; shape: Shape; dtype: DType }): Node {
    // Literals of one value and two shapes are two nodes; a fed or stored tensor's name must not stand for two.
    const isLiteral = def.name === "constant";
    const key = `${def.name}|${attrs.name}${isLiteral ? `|${attrs.dtype}|${attrs.shape.join(",")}` : ""}`;
    const found = this.#interned.get(key);
    if (!found) return this.#add(key, def, [], attrs, attrs.shape, attrs.dtype);
    if (found.dtype !== attrs.dtype || !sameShape(found.shape, attrs.shape)) {
      const [was, is] = [found, attrs].map(({ dtype, shape }) => `${dtype}${formatShape(shape)}`);
      throw new InternalError(`${def.name} ${attrs.name} is ${was} and ${is}`);
    }
    return found;
  }

  #add(key: string, def: OpDef, src: readonly Node[], attrs: Attrs, shape: Shape, dtype: DType): Node {
    const node: Node = Object.freeze({
      id: this.#nodes.length,
      def,
      src: Object.freeze([...src]),
      attrs: Object.freeze({ ...attrs }),
      shape: Object.freeze([...shape]),
      dtype,
      scope: this.#scope,
      graph: this,
    });
    this.#nodes.push(node);
    this.#interned.set(key, node);
    return node;
  }
}

/** -0 and 0 are two values: 1/x tells them apart. */
const literalName = (data: ConstantData): string =>
  Array.from<number | bigint, string>(data, (value) => (Object.is(value, -0) ? "-0" : String(value))).join(",");

/** Every node that the outputs need, sources before users. */
export function topologicalOrder(outputs: readonly Node[]): Node[] {
  const seen = new Set<Node>();
  const stack = [...outputs];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...node.src);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
