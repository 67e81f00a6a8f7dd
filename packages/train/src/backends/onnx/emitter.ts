/** The model while it is written: nodes in order, literals, and sizes that are counted at run time. */
import { InternalError } from "@gitune/core";
import type { Node } from "../../ir/node.js";
import type { Shape } from "../../ir/shape.js";
import { formatSize, type Symbols } from "../../ir/symbol.js";
import { INT8_ZERO } from "../../ops/int8.js";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "./proto.js";

export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, OnnxTensor>();
  readonly #symbols: Symbols;
  readonly #inputs: readonly Node[];
  /** Names of values that one node makes for all that ask. */
  readonly #shared = new Set<string>();

  /** @param inputs where symbols can be read off */
  constructor(symbols: Symbols, inputs: readonly Node[]) {
    this.#symbols = symbols;
    this.#inputs = inputs;
  }

  emit(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, OnnxAttribute> = {},
    domain = "",
  ): void {
    this.nodes.push({ op, domain, name: `${outputs[0]}:${op}`, inputs, outputs, attributes });
  }

  /** An int64 vector literal. */
  ints(values: readonly number[]): string {
    const name = `i64[${values.join(",")}]`;
    if (!this.initializers.has(name)) {
      const data = new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
      this.initializers.set(name, { name, dtype: "i64", shape: [values.length], data });
    }
    return name;
  }

  /** A float scalar literal. */
  float(value: number): string {
    const name = `f32(${value})`;
    if (!this.initializers.has(name)) {
      const data = new Uint8Array(Float32Array.of(value).buffer);
      this.initializers.set(name, { name, dtype: "f32", shape: [], data });
    }
    return name;
  }

  /** The u8 that stands for 0. */
  int8Zero(): string {
    const name = `u8(${INT8_ZERO})`;
    if (!this.initializers.has(name))
      this.initializers.set(name, { name, dtype: "u8", shape: [], data: Uint8Array.of(INT8_ZERO) });
    return name;
  }

  /** A tensor of that, put together once for all that ask. */
  int8Zeros(shape: Shape): string {
    const size = this.sizes(shape);
    const name = `${this.int8Zero()}:${size}`;
    if (this.isNew(name)) this.emit("Expand", [this.int8Zero(), size], [name]);
    return name;
  }

  /** A tensor of zeros, made at run time from one number. */
  zeros(shape: Shape, to: string): string {
    this.emit("Expand", [this.float(0), this.sizes(shape)], [to]);
    return to;
  }

  isOpen(dim: number): boolean {
    return this.#symbols.parse(dim) !== null;
  }

  /**
   * The operand that says what to reshape to. One open size follows from the others; more are counted at run time.
   * @param from the shape before
   */
  target(from: Shape, shape: Shape): string {
    // 0 keeps what stands at the same place, -1 is whatever is left.
    const kept = shape.map((dim, i) => (this.isOpen(dim) && dim === from[i] ? 0 : dim));
    const open = kept.filter((dim) => this.isOpen(dim));
    if (open.length > 1) return this.sizes(shape);
    return this.ints(kept.map((dim) => (this.isOpen(dim) ? -1 : dim)));
  }

  /** The operand that says what to broadcast to; 1 leaves a size as it is. */
  broadcastTarget(from: Shape, shape: Shape): string {
    const skip = shape.length - from.length;
    return this.sizes(shape.map((dim, i) => (dim === from[i - skip] ? 1 : dim)));
  }

  /** A shape as an int64 vector: a literal, or put together at run time, once for all that ask. */
  sizes(shape: Shape): string {
    if (!shape.some((dim) => this.isOpen(dim))) return this.ints(shape);
    const name = `sizes[${this.declared(shape).join(",")}]`;
    if (this.isNew(name))
      this.emit(
        "Concat",
        shape.map((dim) => this.#size(dim)),
        [name],
        { axis: 0 },
      );
    return name;
  }

  /** One dimension as an int64 vector of one value. */
  #size(dim: number): string {
    const size = this.#symbols.parse(dim);
    if (!size) return this.ints([dim]);
    const name = `size:${formatSize(size)}`;
    if (!this.isNew(name)) return name;
    const factors = [
      ...size.symbols.map((symbol) => this.#symbolValue(symbol)),
      ...(size.factor === 1 ? [] : [this.ints([size.factor])]),
    ];
    const [first, ...rest] = factors as [string, ...string[]];
    let value = first;
    for (const [i, factor] of rest.entries()) {
      const product = `${name}:${i}`;
      this.emit("Mul", [value, factor], [product]);
      value = product;
    }
    if (size.plus === 0) this.emit("Identity", [value], [name]);
    else this.emit("Add", [value, this.ints([size.plus])], [name]);
    return name;
  }

  /** A symbol's value, read off an input that has it as an axis. */
  #symbolValue(symbol: string): string {
    const name = `symbol:${symbol}`;
    if (!this.isNew(name)) return name;
    const stand = this.#symbols.declare(symbol);
    const source = this.#inputs.find(({ shape }) => shape.includes(stand));
    if (!source) throw new InternalError(`no input has the size ${symbol} as an axis`);
    const axis = source.shape.indexOf(stand);
    this.emit("Shape", [String(source.attrs["name"])], [name], { start: axis, end: axis + 1 });
    return name;
  }

  /** A shape with open sizes by name. */
  declared(shape: Shape): (number | string)[] {
    return shape.map((dim) => {
      const size = this.#symbols.parse(dim);
      return size ? formatSize(size) : dim;
    });
  }

  /** Whether nobody has asked for this value yet: whoever is told so emits it. */
  isNew(name: string): boolean {
    if (this.#shared.has(name)) return false;
    this.#shared.add(name);
    return true;
  }
}
