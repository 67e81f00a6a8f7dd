/** Every primitive as TensorFlow.js ops. */
import type { Tensor as TfTensor } from "@tensorflow/tfjs-core";
import type { DType } from "../../ir/dtype.js";
import type { Attrs } from "../../ir/node.js";
import { broadcastShapes, type Shape, sameShape, sizeOf } from "../../ir/shape.js";
import { INT8_MAX, INT8_ZERO, LEAST_SCALE } from "../../ops/int8.js";
import type { PrimitiveName } from "../../ops/table.js";
import type { Tf } from "./load.js";

export interface KernelArgs {
  readonly tf: Tf;
  readonly src: readonly TfTensor[];
  readonly attrs: Attrs;
  /** Of the result, as it is in this run. */
  readonly shape: Shape;
}

/** Runs inside `tf.tidy`; the result is a tensor of its own, also where it shares its values with a source. */
type Kernel = (args: KernelArgs) => TfTensor;

/** 64-bit integers do not exist in TensorFlow.js: tokens, positions and rows fit into 32 bits. */
export const TF_DTYPE: { readonly [K in DType]: "float32" | "int32" } = {
  f32: "float32",
  bf16: "float32",
  f16: "float32",
  i64: "int32",
  u8: "int32",
  i8: "int32",
};

type UnaryName = "neg" | "exp" | "log" | "sqrt" | "sigmoid" | "softmax";
type BinaryName = "add" | "sub" | "mul" | "div" | "minimum" | "maximum";

const unary =
  (op: UnaryName): Kernel =>
  ({ tf, src: [x] }) =>
    tf[op](x!);

const binary =
  (op: BinaryName): Kernel =>
  ({ tf, src: [a, b] }) =>
    tf[op](a!, b!);

export const LOWER: { readonly [K in PrimitiveName]: Kernel } = {
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  minimum: binary("minimum"),
  maximum: binary("maximum"),
  neg: unary("neg"),
  exp: unary("exp"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  sigmoid: unary("sigmoid"),
  cast: ({ tf, src: [x], attrs }) => tf.cast(x!, TF_DTYPE[attrs["to"] as DType]),
  sum: ({ tf, src: [x], attrs }) => (attrs["axes"] as readonly number[]).reduce((y, axis) => sumAxis(tf, y, axis), x!),
  argMax: ({ tf, src: [x] }) => tf.argMax(x!, -1),
  reshape: ({ tf, src: [x], shape }) => tf.reshape(x!, [...shape]),
  transpose: ({ tf, src: [x], attrs }) => tf.transpose(x!, [...(attrs["perm"] as readonly number[])]),
  slice: ({ tf, src: [x], attrs, shape }) => {
    const { axis, start } = attrs as { axis: number; start: number };
    return tf.slice(
      x!,
      shape.map((_, i) => (i === axis ? start : 0)),
      [...shape],
    );
  },
  concat: ({ tf, src, attrs }) => tf.concat([...src], attrs["axis"] as number),
  expand: ({ tf, src: [x], shape }) => tf.broadcastTo(x!, [...shape]),
  matMul: ({ tf, src: [a, b], attrs }) => {
    const { transA, transB, alpha } = attrs as { transA: boolean; transB: boolean; alpha: number };
    const product = multiply(tf, a!, b!, transA, transB);
    return alpha === 1 ? product : tf.mul(product, alpha);
  },
  gatherRows: ({ tf, src: [x, index] }) => tf.gather(x!, index!),
  // One loop over the updates, in order, on wasm, cpu and tfjs-node; on a GPU TF_DETERMINISTIC_OPS sends it to the CPU (load.ts).
  scatterAddRows: ({ tf, src: [updates, index], shape }) =>
    tf.scatterND(tf.expandDims(index!, 1), updates!, [...shape]),
  pick: ({ tf, src: [x, index] }) => {
    const rows = tf.range(0, index!.shape[0]!, 1, "int32");
    return tf.expandDims(tf.gatherND(x!, tf.stack([rows, index!], 1)), 1);
  },
  softmax: unary("softmax"),
  rmsNorm: ({ tf, src: [x, w], attrs }) => tf.mul(tf.mul(x!, rmsInverse(tf, x!, attrs)), w!),
  rmsInverse: ({ tf, src: [x], attrs }) => rmsInverse(tf, x!, attrs),
  rope: ({ tf, src: [x, positions, cos, sin], shape }) => {
    const half = shape[3]! / 2;
    const angles = (table: TfTensor) => tf.expandDims(tf.gather(table, positions!), 1); // [B, 1, T, hd/2]
    const [c, s] = [angles(cos!), angles(sin!)];
    const [low, high] = tf.split(x!, [half, half], 3) as [TfTensor, TfTensor];
    return tf.concat([tf.sub(tf.mul(low, c), tf.mul(high, s)), tf.add(tf.mul(high, c), tf.mul(low, s))], 3);
  },
  rowScale: ({ tf, src: [x] }) => tf.maximum(tf.mul(tf.max(tf.abs(x!), 1, true), 1 / INT8_MAX), LEAST_SCALE),
  quantizeRows: ({ tf, src: [x, scale] }) =>
    tf.cast(tf.clipByValue(tf.add(tf.round(tf.div(x!, scale!)), INT8_ZERO), 0, 255), "int32"),
  // Sums of more than 2^24 round: this backend has no product of integers.
  int8MatMul: ({ tf, src: [rows, scale, w, columns] }) => {
    const sums = tf.matMul(tf.sub(tf.cast(rows!, "float32"), INT8_ZERO), tf.cast(w!, "float32"));
    return tf.mul(tf.mul(sums, columns!), scale!);
  },
};

/** wasm adds f32 one after the other: over a million values 2e-5 off. In two levels of runs it is 1e-7. */
const RUN_LENGTH = 512;

/** Sums one axis, which stays with size 1. */
function sumAxis(tf: Tf, x: TfTensor, axis: number): TfTensor {
  const size = x.shape[axis]!;
  if (size <= RUN_LENGTH) return tf.sum(x, axis, true);
  const runs = Math.ceil(size / RUN_LENGTH);
  const filled = tf.pad(
    x,
    x.shape.map((_, i): [number, number] => [0, i === axis ? runs * RUN_LENGTH - size : 0]),
  );
  const split = tf.reshape(
    filled,
    x.shape.flatMap((dim, i) => (i === axis ? [runs, RUN_LENGTH] : [dim])),
  );
  return sumAxis(tf, tf.sum(split, axis + 1), axis);
}

function rmsInverse(tf: Tf, x: TfTensor, attrs: Attrs): TfTensor {
  const squares = sumAxis(tf, tf.mul(x, x), x.rank - 1);
  return tf.rsqrt(tf.add(tf.mul(squares, 1 / x.shape.at(-1)!), attrs["eps"] as number));
}

/** op(a) op(b) over the last two axes. */
function multiply(tf: Tf, a: TfTensor, b: TfTensor, transA: boolean, transB: boolean): TfTensor {
  if (b.rank === 2 && a.rank > 2 && !transA) {
    // One product for all of a's rows, in place of one for each of its matrices.
    const rows = tf.reshape(a, [-1, a.shape.at(-1)!]);
    const product = tf.matMul(rows, b, false, transB);
    return tf.reshape(product, [...a.shape.slice(0, -1), product.shape[1]!]);
  }
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes("matMul", batchA, batchB);
  // The kernels repeat a single matrix, but know no other broadcasting.
  const fit = (x: TfTensor, own: Shape) =>
    sameShape(own, batch) || sizeOf(own) === 1 ? x : tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  return tf.matMul(fit(a, batchA), fit(b, batchB), transA, transB);
}
