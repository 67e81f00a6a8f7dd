/** Turns a graph into an ONNX model: one lowering rule an op, and the few fusions that measured faster. */
import { realpathSync } from "node:fs";
import { dirname, relative, sep } from "node:path";
import { InternalError } from "@gitune/core";
import type { DType } from "../../ir/dtype.js";
import { type Node, topologicalOrder } from "../../ir/node.js";
import { type Shape, sameShape } from "../../ir/shape.js";
import { formatSize, type Symbols } from "../../ir/symbol.js";
import { INT8_MAX, INT8_ZERO, LEAST_SCALE } from "../../ops/int8.js";
import type { PrimitiveName } from "../../ops/table.js";
import { expandComposites } from "../../passes/expand-composites.js";
import type { WeightPlace } from "../backend.js";
import { encodeModel, type OnnxAttribute, type OnnxNode, type OnnxTensor, type OnnxValue } from "./proto.js";
import { isSplitWide, RUN_LENGTH } from "./thread-split.js";

export interface LoweredModel {
  /** The serialized ModelProto; frozen weights are references into checkpoint files. */
  readonly bytes: Uint8Array;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The folder that the weight references are relative to; null without weights. */
  readonly weightsFolder: string | null;
}

const MICROSOFT = "com.microsoft";
/** A slice's end past every axis. */
const LAST = Number.MAX_SAFE_INTEGER;

export interface LowerOptions {
  /** That the model will run on, inside one op. */
  readonly threads: number;
  /** See `CompileOptions`. */
  readonly weights: WeightPlace;
}

/** @param outputs name -> node; composites are expanded here */
export function lowerToOnnx(outputs: Readonly<Record<string, Node>>, options: LowerOptions): LoweredModel {
  const names = Object.keys(outputs);
  const roots = expandComposites(Object.values(outputs));
  const lowering = new Lowering(topologicalOrder(roots), roots, names, options);
  return lowering.finish(names, roots);
}

/** ONNX Runtime computes what follows from literals alone, and packs a literal's columns, once, when it loads the model. */
const isPacked = ({ def, src }: Node): boolean =>
  def.name === "weight" || def.name === "constant" || (FOLDED.has(def.name) && isPacked(src[0]!));
const FOLDED: ReadonlySet<string> = new Set(["cast", "slice", "reshape"]);

/**
 * Flags as numbers, and what they are multiplied by: cheaper to make again for the backward pass than to keep. Dropout
 * on all linear layers of a 135M model would else hold 1.2 GB a pass of 1,024 tokens.
 */
const isFleeting = (node: Node): boolean => isFlags(node) || (node.def.name === "mul" && node.src.some(isFlags));
const isFlags = ({ def, src }: Node): boolean => def.name === "cast" && src[0]!.dtype === "u8";

class Lowering {
  readonly nodes: OnnxNode[] = [];
  readonly #order: readonly Node[];
  readonly #uses = new Map<Node, number>();
  /** Products that the sum which uses them takes over (see `fusedProduct`). */
  readonly #fused = new Map<Node, { readonly product: Node; readonly addend: Node }>();
  readonly #skipped = new Set<Node>();
  readonly #names = new Map<Node, string>();
  /** Values that are written under an output's name at once. */
  readonly #outputNames = new Map<Node, string>();
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValue[] = [];
  /**
   * Every value's shape. ONNX Runtime plans which buffers to use again by comparing shapes, and loses symbols on the way:
   * left to itself it took 7 s over the graph of a 135M model in 8 bits, in place of 0.3 s.
   */
  readonly #values: OnnxValue[] = [];
  readonly #transposedNames = new Set<string>();
  /** rmsNorm nodes by "x id|eps": rmsInverse is their second output. */
  readonly norms = new Map<string, Node>();
  readonly #symbols: Symbols;
  /** Names of runtime values: a symbol's, a dimension's, a whole shape's. */
  readonly #sizeNames = new Set<string>();
  #timesEmitted = 0;
  /** As the graph names them, and where they really are. */
  readonly #weightFiles = new Map<string, string>();

  readonly #options: LowerOptions;

  constructor(order: readonly Node[], roots: readonly Node[], outputNames: readonly string[], options: LowerOptions) {
    this.#options = options;
    this.#order = order;
    this.#symbols = roots[0]!.graph.symbols;
    for (const [i, node] of roots.entries()) {
      if (node.src.length > 0 && !this.#outputNames.has(node)) this.#outputNames.set(node, outputNames[i]!);
    }
    for (const node of [...order.flatMap((user) => user.src), ...roots])
      this.#uses.set(node, (this.#uses.get(node) ?? 0) + 1);
    for (const node of order) {
      // The oldest of them is lowered before any gradient that asks for its second output.
      if (node.def.name === "rmsNorm" && !this.norms.has(normKey(node))) this.norms.set(normKey(node), node);
      const fusion = this.#fusedProduct(node);
      if (!fusion) continue;
      this.#fused.set(node, fusion);
      this.#skipped.add(fusion.product);
    }
  }

  finish(outputNames: readonly string[], roots: readonly Node[]): LoweredModel {
    for (const node of this.#order) this.#lower(node);
    const outputs = roots.map((node, i): OnnxValue => {
      const name = outputNames[i]!;
      // An output needs a name of its own even where its value is an input, a literal, or has a name already.
      if (this.name(node) !== name) this.emit("Identity", [this.name(node)], [name]);
      return { name, dtype: node.dtype, shape: this.#declared(node.shape) };
    });
    const weightsFolder = commonFolder([...this.#weightFiles.values()]);
    const initializers = [...this.#initializers.values()].map((tensor) => this.#relative(tensor, weightsFolder));
    const bytes = encodeModel({ nodes: this.nodes, initializers, inputs: this.#inputs, outputs, values: this.#values });
    return { bytes, inputs: this.#inputs, outputs, weightsFolder };
  }

  /** A weight's file as ONNX wants it: relative to the folder that all weights are below. */
  #relative(tensor: OnnxTensor, folder: string | null): OnnxTensor {
    if (tensor.data instanceof Uint8Array || folder === null) return tensor;
    const location = relative(folder, this.#weightFiles.get(tensor.data.location)!).split(sep).join("/");
    return { ...tensor, data: { ...tensor.data, location } };
  }

  name(node: Node): string {
    if (isFleeting(node)) return this.#emitAnew(node);
    const name = this.#names.get(node);
    if (!name) throw new InternalError(`%${node.id} ${node.def.name} is used before it is lowered`);
    return name;
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
    if (!this.#initializers.has(name)) {
      const data = new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
      this.#initializers.set(name, { name, dtype: "i64", shape: [values.length], data });
    }
    return name;
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
    const name = `sizes[${shape.map((dim) => this.#sizeName(dim)).join(",")}]`;
    if (this.#isNew(name))
      this.emit(
        "Concat",
        shape.map((dim) => this.#size(dim)),
        [name],
        { axis: 0 },
      );
    return name;
  }

  #sizeName(dim: number): string {
    const size = this.#symbols.parse(dim);
    return size ? formatSize(size) : String(dim);
  }

  /** One dimension as an int64 vector of one value. */
  #size(dim: number): string {
    const size = this.#symbols.parse(dim);
    if (!size) return this.ints([dim]);
    const name = `size:${formatSize(size)}`;
    if (!this.#isNew(name)) return name;
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
    if (!this.#isNew(name)) return name;
    const stand = this.#symbols.declare(symbol);
    const source = this.#order.find(({ def, shape }) => def.name === "input" && shape.includes(stand));
    if (!source) throw new InternalError(`no input has the size ${symbol} as an axis`);
    const axis = source.shape.indexOf(stand);
    this.emit("Shape", [String(source.attrs["name"])], [name], { start: axis, end: axis + 1 });
    return name;
  }

  #isNew(name: string): boolean {
    if (this.#sizeNames.has(name)) return false;
    this.#sizeNames.add(name);
    return true;
  }

  /** A float scalar literal. */
  float(value: number): string {
    const name = `f32(${value})`;
    if (!this.#initializers.has(name)) {
      const data = new Uint8Array(Float32Array.of(value).buffer);
      this.#initializers.set(name, { name, dtype: "f32", shape: [], data });
    }
    return name;
  }

  /** The u8 that stands for 0. */
  int8Zero(): string {
    const name = `u8(${INT8_ZERO})`;
    if (!this.#initializers.has(name))
      this.#initializers.set(name, { name, dtype: "u8", shape: [], data: Uint8Array.of(INT8_ZERO) });
    return name;
  }

  /** A tensor of that, put together once for all that ask. */
  int8Zeros(shape: Shape): string {
    const size = this.sizes(shape);
    const name = `${this.int8Zero()}:${size}`;
    if (this.#isNew(name)) this.emit("Expand", [this.int8Zero(), size], [name]);
    return name;
  }

  /** A tensor of zeros, made at run time from one number. */
  zeros(shape: Shape, to: string): string {
    this.emit("Expand", [this.float(0), this.sizes(shape)], [to]);
    return to;
  }

  #lower(node: Node): void {
    const { name } = node.def;
    if (name === "input") this.#lowerInput(node);
    else if (name === "weight") this.#lowerWeight(node);
    else if (name === "constant") this.#lowerConstant(node);
    else if (!this.#skipped.has(node) && !isFleeting(node)) {
      const out = this.#outputNames.get(node) ?? `%${node.id}`;
      this.#names.set(node, out);
      const fusion = this.#fused.get(node);
      if (fusion) this.#lowerGemm(fusion.product, fusion.addend, out);
      else LOWER[name as PrimitiveName](node, out, this);
      if (!this.#outputNames.has(node))
        this.#values.push({ name: out, dtype: node.dtype, shape: this.#declared(node.shape) });
    }
  }

  #lowerInput(node: Node): void {
    const name = String(node.attrs["name"]);
    this.#names.set(node, name);
    this.#inputs.push({ name, dtype: node.dtype, shape: this.#declared(node.shape) });
  }

  #declared(shape: Shape): (number | string)[] {
    return shape.map((dim) => {
      const size = this.#symbols.parse(dim);
      return size ? formatSize(size) : dim;
    });
  }

  #lowerWeight(node: Node): void {
    const source = node.graph.weightSource(node);
    if (!source) throw new InternalError(`weight ${String(node.attrs["name"])} has no source`);
    const name = `w:${String(node.attrs["name"])}`;
    this.#names.set(node, name);
    this.#weightFiles.set(source.file, realPath(source.file));
    const data = { location: source.file, offset: source.offset, length: source.length };
    this.#initializers.set(name, { name, dtype: node.dtype, shape: node.shape, data });
  }

  #lowerConstant(node: Node): void {
    const data = node.graph.constantData(node);
    if (!data) throw new InternalError(`constant %${node.id} has no data`);
    const name = `%${node.id}`;
    this.#names.set(node, name);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.set(name, { name, dtype: node.dtype, shape: node.shape, data: bytes });
  }

  /** Each user gets a value of its own, which is gone as soon as it is used. */
  #emitAnew(node: Node): string {
    const out = `%${node.id}:${this.#timesEmitted++}`;
    LOWER[node.def.name as PrimitiveName](node, out, this);
    return out;
  }

  /** a·b + c, or + a bias, in one Gemm where the product has no other user: one pass less over the sum. */
  #fusedProduct(node: Node): { product: Node; addend: Node } | null {
    if (node.def.name !== "add") return null;
    for (const [product, addend] of [
      [node.src[0]!, node.src[1]!],
      [node.src[1]!, node.src[0]!],
    ] as const) {
      const plain =
        product.def.name === "matMul" &&
        product.shape.length === 2 &&
        product.src.every((source) => source.shape.length === 2);
      if (
        plain &&
        this.#uses.get(product) === 1 &&
        !this.#skipped.has(product) &&
        (sameShape(addend.shape, product.shape) || sameShape(addend.shape, product.shape.slice(1)))
      ) {
        return { product, addend };
      }
    }
    return null;
  }

  #lowerGemm(product: Node, addend: Node, out: string): void {
    const { a, b, transA, transB, alpha } = this.operands(product);
    this.emit("Gemm", [a, b, this.name(addend)], [out], { transA, transB, alpha: { float: alpha } });
  }

  /**
   * A product's operands. Where the rounding would depend on the number of threads (thread-split.ts), a is transposed first.
   */
  operands(product: Node) {
    const { transA, transB, alpha } = product.attrs as { transA: boolean; transB: boolean; alpha: number };
    const [a, b] = product.src as [Node, Node];
    const packed = this.#options.weights === "packed" && isPacked(b);
    const isSafe = transA || packed || !this.#mayDependOnThreads(product.shape, a.shape.at(-1)!);
    return {
      a: isSafe ? this.name(a) : this.#transposed(a),
      b: this.name(b),
      transA: Number(transA || !isSafe),
      transB: Number(transB),
      alpha,
    };
  }

  #mayDependOnThreads(shape: Shape, inner: number): boolean {
    const [rows, columns] = shape.slice(-2) as [number, number];
    if (!this.isOpen(columns) && isSplitWide(columns, this.#options.threads)) return false;
    if (!this.isOpen(inner) && inner <= RUN_LENGTH) return false;
    if (!this.isOpen(rows)) return this.isOpen(columns) || rows < columns;
    // A run longer than RUN_LENGTH along an axis that the rows have too means as many rows.
    const leastRows = this.isOpen(inner) && rows % inner === 0 ? RUN_LENGTH + 1 : this.#symbols.leastTokens;
    return this.isOpen(columns) || leastRows < columns;
  }

  /** [..., m, k] -> [..., k, m], in a form that no optimizer folds back into the product. */
  #transposed(node: Node): string {
    const out = `%${node.id}:transposed`;
    if (this.#transposedNames.has(out)) return out;
    this.#transposedNames.add(out);
    const { shape } = node;
    const rank = shape.length;
    const swapped = [...shape.slice(0, -2), shape[rank - 1]!, shape[rank - 2]!];
    const perm = [...shape.slice(0, -2).keys(), rank - 1, rank - 2, rank];
    this.emit("Reshape", [this.name(node), this.target(shape, [...shape, 1])], [`${out}:before`]);
    this.emit("Transpose", [`${out}:before`], [`${out}:after`], { perm });
    this.emit("Reshape", [`${out}:after`, this.target([...swapped, 1], swapped)], [out]);
    return out;
  }
}

type Lower = (node: Node, out: string, to: Lowering) => void;

/** The op keeps its sources' order and has no attribute. */
const plain =
  (op: string): Lower =>
  (node, out, to) =>
    to.emit(
      op,
      node.src.map((source) => to.name(source)),
      [out],
    );

const ONNX_DTYPE: { readonly [K in DType]: number } = { f32: 1, u8: 2, i8: 3, i64: 7, f16: 10, bf16: 16 };

const LOWER: { readonly [K in PrimitiveName]: Lower } = {
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  minimum: plain("Min"),
  maximum: plain("Max"),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  sigmoid: plain("Sigmoid"),
  cast: (node, out, to) =>
    to.emit("Cast", [to.name(node.src[0]!)], [out], { to: ONNX_DTYPE[node.attrs["to"] as DType] }),
  sum: (node, out, to) =>
    to.emit("ReduceSum", [to.name(node.src[0]!), to.ints(node.attrs["axes"] as readonly number[])], [out], {
      keepdims: 1,
    }),
  argMax: (node, out, to) => to.emit("ArgMax", [to.name(node.src[0]!)], [out], { axis: -1, keepdims: 0 }),
  reshape: (node, out, to) =>
    to.emit("Reshape", [to.name(node.src[0]!), to.target(node.src[0]!.shape, node.shape)], [out]),
  transpose: (node, out, to) =>
    to.emit("Transpose", [to.name(node.src[0]!)], [out], { perm: node.attrs["perm"] as readonly number[] }),
  slice: (node, out, to) => {
    const { axis, start, end } = node.attrs as { axis: number; start: number; end: number };
    const dim = node.src[0]!.shape[axis]!;
    const bound = (at: number): string => {
      if (at === dim) return to.ints([LAST]);
      // Counted from the end, a bound is mostly a plain number also where the axis' size is open.
      return to.isOpen(at) && !to.isOpen(at - dim) ? to.ints([at - dim]) : to.sizes([at]);
    };
    to.emit("Slice", [to.name(node.src[0]!), bound(start), bound(end), to.ints([axis])], [out]);
  },
  concat: (node, out, to) =>
    to.emit(
      "Concat",
      node.src.map((source) => to.name(source)),
      [out],
      { axis: node.attrs["axis"] as number },
    ),
  expand: (node, out, to) =>
    to.emit("Expand", [to.name(node.src[0]!), to.broadcastTarget(node.src[0]!.shape, node.shape)], [out]),
  matMul: (node, out, to) => {
    const { a, b, transA, transB, alpha } = to.operands(node);
    if (!transA && !transB && alpha === 1) return to.emit("MatMul", [a, b], [out]);
    to.emit("FusedMatMul", [a, b], [out], { transA, transB, alpha: { float: alpha } }, MICROSOFT);
  },
  gatherRows: (node, out, to) =>
    to.emit(
      "Gather",
      node.src.map((source) => to.name(source)),
      [out],
      { axis: 0 },
    ),
  // ScatterElements walks its updates in order on one thread: the sum never depends on the thread count.
  scatterAddRows: (node, out, to) => {
    const [updates, index] = node.src;
    const column = updates!.shape.map((dim, axis) => (axis === 0 ? dim : 1));
    to.emit("Reshape", [to.name(index!), to.target(index!.shape, column)], [`${out}:column`]);
    to.emit("Expand", [`${out}:column`, to.broadcastTarget(column, updates!.shape)], [`${out}:index`]);
    to.zeros(node.shape, `${out}:zeros`);
    to.emit("ScatterElements", [`${out}:zeros`, `${out}:index`, to.name(updates!)], [out], {
      axis: 0,
      reduction: "add",
    });
  },
  pick: (node, out, to) => {
    const [x, index] = node.src;
    to.emit("Reshape", [to.name(index!), to.target(index!.shape, [index!.shape[0]!, 1])], [`${out}:index`]);
    to.emit("GatherElements", [to.name(x!), `${out}:index`], [out], { axis: 1 });
  },
  softmax: (node, out, to) => to.emit("Softmax", [to.name(node.src[0]!)], [out], { axis: -1 }),
  rmsNorm: (node, out, to) => {
    const attributes = { axis: -1, epsilon: { float: node.attrs["eps"] as number }, stash_type: 1 };
    // The second output, 1 / rms, is what the gradient needs. ONNX Runtime registers this op in the default domain.
    to.emit(
      "SimplifiedLayerNormalization",
      node.src.map((source) => to.name(source)),
      [out, `${out}:inverse`],
      attributes,
    );
  },
  rmsInverse: (node, out, to) => {
    const norm = to.norms.get(normKey(node));
    if (norm && norm.id < node.id) return to.emit("Identity", [`${to.name(norm)}:inverse`], [out]);
    // Nobody wants the norm itself: 1 / rms from its parts.
    const x = to.name(node.src[0]!);
    to.emit("Mul", [x, x], [`${out}:square`]);
    to.emit("ReduceMean", [`${out}:square`, to.ints([-1])], [`${out}:mean`], { keepdims: 1 });
    to.emit("Add", [`${out}:mean`, to.float(node.attrs["eps"] as number)], [`${out}:shifted`]);
    to.emit("Sqrt", [`${out}:shifted`], [`${out}:rms`]);
    to.emit("Reciprocal", [`${out}:rms`], [out]);
  },
  rope: (node, out, to) =>
    to.emit(
      "RotaryEmbedding",
      node.src.map((source) => to.name(source)),
      [out],
      { interleaved: 0 },
      MICROSOFT,
    ),
  rowScale: (node, out, to) => {
    const x = to.name(node.src[0]!);
    to.emit("ReduceMax", [x, to.ints([-1])], [`${out}:max`], { keepdims: 1 });
    to.emit("ReduceMin", [x, to.ints([-1])], [`${out}:min`], { keepdims: 1 });
    to.emit("Neg", [`${out}:min`], [`${out}:-min`]);
    to.emit("Max", [`${out}:max`, `${out}:-min`], [`${out}:most`]);
    to.emit("Mul", [`${out}:most`, to.float(1 / INT8_MAX)], [`${out}:scale`]);
    to.emit("Max", [`${out}:scale`, to.float(LEAST_SCALE)], [out]);
  },
  // One block a row: the form of this op that ONNX Runtime spreads over its threads.
  quantizeRows: (node, out, to) => {
    const [x, scale] = node.src;
    const zeros = to.int8Zeros(scale!.shape);
    to.emit("QuantizeLinear", [to.name(x!), to.name(scale!), zeros], [out], { axis: 1, block_size: x!.shape[1]! });
  },
  int8MatMul: (node, out, to) => {
    const [rows, scale, w, columns] = node.src.map((source) => to.name(source)) as [string, string, string, string];
    const inputs = [rows, w, to.float(1), columns, to.int8Zero()];
    to.emit("MatMulIntegerToFloat", inputs, [`${out}:columns`], {}, MICROSOFT);
    to.emit("Mul", [`${out}:columns`, scale], [out]);
  },
};

const normKey = (node: Node): string => `${node.src[0]!.id}|${String(node.attrs["eps"])}`;

/** The Hub's cache is full of links to blobs beside it, and ONNX Runtime refuses links that leave their folder. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // ONNX Runtime's own message says what is wrong with it.
  }
}

/** The deepest folder that has all files below it; null without files. */
function commonFolder(files: readonly string[]): string | null {
  const [first, ...rest] = files;
  if (first === undefined) return null;
  let folder = dirname(first);
  while (rest.some((file) => relative(folder, file).startsWith(".."))) folder = dirname(folder);
  return folder;
}
