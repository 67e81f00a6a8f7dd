/**
 * Products of f32 rows and 8-bit weights on 8-bit integers: each row has a scale of its own, each column of the weights
 * too. As in LLM.int8() (Dettmers et al. 2022, https://arxiv.org/abs/2208.07339 §2.1, vector-wise quantization), without
 * its outlier columns.
 */
import type { Node } from "../ir/node.js";
import { checkShape, shapeError } from "../ir/shape.js";
import { matMul } from "./matmul.js";
import { reshape } from "./movement.js";
import { apply, defineOp, type OpDef } from "./op.js";

/** Rows are u8 around this value: unsigned by signed is the product that CPUs are fast at. */
export const INT8_ZERO = 128;
/** The largest quantized magnitude on either side of zero. */
export const INT8_MAX = 127;
/** A row of zeros keeps a scale that can be divided by. */
export const LEAST_SCALE = 1e-30;

/** x [n, k] f32 -> [n, 1]: max |x| / 127 of each row, and never 0. */
export const rowScaleOp = defineOp({
  name: "rowScale",
  infer: ([x]: readonly Node[]) => {
    checkShape("rowScale", "x", x!.shape, [null, null]);
    if (x!.dtype !== "f32") throw shapeError("rowScale", `needs f32, got ${x!.dtype}`);
    return { shape: [x!.shape[0]!, 1], dtype: "f32" as const };
  },
  vjp: null,
});

/** x [n, k] f32, scale [n, 1] -> [n, k] u8: x / scale rounded to the nearest, ties to even, plus 128. */
export const quantizeRowsOp = defineOp({
  name: "quantizeRows",
  infer: ([x, scale]: readonly Node[]) => {
    checkShape("quantizeRows", "x", x!.shape, [null, null]);
    checkShape("quantizeRows", "scale", scale!.shape, [x!.shape[0]!, 1]);
    return { shape: x!.shape, dtype: "u8" as const };
  },
  vjp: null,
});

/** rows [n, k] u8, scale [n, 1], w [k, m] i8, columns [m] -> [n, m] f32: scale · columns · Σ (rows − 128) w. */
export const int8MatMulOp = defineOp({
  name: "int8MatMul",
  infer: ([rows, scale, w, columns]: readonly Node[]) => {
    checkShape("int8MatMul", "rows", rows!.shape, [null, null]);
    const [n, k] = rows!.shape as [number, number];
    if (rows!.dtype !== "u8" || w!.dtype !== "i8")
      throw shapeError("int8MatMul", `needs u8 and i8, got ${rows!.dtype} and ${w!.dtype}`);
    checkShape("int8MatMul", "scale", scale!.shape, [n, 1]);
    checkShape("int8MatMul", "w", w!.shape, [k, null]);
    const m = w!.shape[1]!;
    checkShape("int8MatMul", "columns", columns!.shape, [m]);
    return { shape: [n, m], dtype: "f32" as const };
  },
  vjp: null,
});

/** A weight quantized twice: once for y = x Wᵀ, once for dx = dy W, each with a scale for every column of its product. */
export interface Int8Weight {
  /** [in, out] i8 and [out]; its rows are rotated if `rotation` is given. */
  readonly forward: { readonly values: Node; readonly columns: Node };
  /** [out, in] i8 and [in] */
  readonly backward: { readonly values: Node; readonly columns: Node };
  /** [b, b]: what blocks of x are multiplied with before they are quantized (nn/hadamard.ts). */
  readonly rotation: Node;
}

/**
 * A frozen linear layer on 8-bit integers, forward and backward. Forward, x is rotated first, as the weight was: a few
 * columns of x stand out, and would leave the others few of the 255 steps. Gradients do without. The gradient is the same
 * product with the weight quantized for the other direction: what f32 would give, up to rounding, not the derivative of
 * the rounding (which is 0).
 */
export const int8LinearOp: OpDef & { readonly name: "int8Linear" } = defineOp({
  name: "int8Linear",
  isStraightThrough: true,
  infer: ([x, w, columns, back, backColumns, rotation]: readonly Node[]) => {
    checkShape("int8Linear", "x", x!.shape, [null, null]);
    const [n, dIn] = x!.shape as [number, number];
    checkShape("int8Linear", "w", w!.shape, [dIn, null]);
    const dOut = w!.shape[1]!;
    checkShape("int8Linear", "columns", columns!.shape, [dOut]);
    checkShape("int8Linear", "back", back!.shape, [dOut, dIn]);
    checkShape("int8Linear", "backColumns", backColumns!.shape, [dIn]);
    const block = rotation!.shape[0]!;
    checkShape("int8Linear", "rotation", rotation!.shape, [block, block]);
    if (dIn % block !== 0) throw shapeError("int8Linear", `${dIn} columns of x are no whole blocks of ${block}`);
    return { shape: [n, dOut], dtype: "f32" as const };
  },
  expand: ([x, w, columns, , , rotation]): Node => quantizedProduct(rotateBlocks(x!, rotation!), w!, columns!),
  vjp: ({ src: [, , , back, backColumns], grad, needs }): readonly (Node | null)[] => [
    needs[0] ? quantizedProduct(grad, back!, backColumns!) : null,
    null,
    null,
    null,
    null,
    null,
  ],
});

/** x Wᵀ with a weight that is quantized for this direction only: no gradient flows back. @param x [n, in]   @returns [n, out] */
export const int8Product = (x: Node, { forward, rotation }: Pick<Int8Weight, "forward" | "rotation">): Node =>
  quantizedProduct(rotateBlocks(x, rotation), forward.values, forward.columns);

function quantizedProduct(x: Node, w: Node, columns: Node): Node {
  const scale = rowScale(x);
  return int8MatMul(quantizeRows(x, scale), scale, w, columns);
}

function rotateBlocks(x: Node, rotation: Node): Node {
  const [n, width] = x.shape as [number, number];
  const block = rotation.shape[0]!;
  return reshape(matMul(reshape(x, [(n * width) / block, block]), rotation), [n, width]);
}

export const rowScale = (x: Node): Node => apply(rowScaleOp, [x]);
export const quantizeRows = (x: Node, scale: Node): Node => apply(quantizeRowsOp, [x, scale]);
export const int8MatMul = (rows: Node, scale: Node, w: Node, columns: Node): Node =>
  apply(int8MatMulOp, [rows, scale, w, columns]);
/** @param x [n, in]   @returns [n, out] */
export const int8Linear = (x: Node, { forward, backward, rotation }: Int8Weight): Node =>
  apply(int8LinearOp, [x, forward.values, forward.columns, backward.values, backward.columns, rotation]);
