/** Ops that move values without changing them. */
import type { Attrs, Node } from "../ir/node.js";
import {
  broadcastShapes,
  checkShape,
  formatShape,
  markDim,
  type Shape,
  sameShape,
  shapeError,
  sizeOf,
} from "../ir/shape.js";
import { constant } from "./leaf.js";
import { apply, defineOp } from "./op.js";
import { sumTo } from "./reduce.js";

const numbers = (attrs: Attrs, name: string): readonly number[] => attrs[name] as readonly number[];

export const reshapeOp = defineOp({
  name: "reshape",
  sizes: ["shape"],
  infer: ([x]: readonly Node[], attrs: Attrs) => {
    const shape = numbers(attrs, "shape");
    if (sizeOf(shape) !== sizeOf(x!.shape)) {
      throw shapeError(
        "reshape",
        `${formatShape(x!.shape)} has ${sizeOf(x!.shape)} values, ${formatShape(shape)} ${sizeOf(shape)}`,
      );
    }
    return { shape, dtype: x!.dtype };
  },
  vjp: ({ src: [x], grad }) => [reshape(grad, x!.shape)],
});

export const transposeOp = defineOp({
  name: "transpose",
  infer: ([x]: readonly Node[], attrs: Attrs) => {
    const perm = numbers(attrs, "perm");
    if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i) || perm.length !== x!.shape.length) {
      throw shapeError("transpose", `${formatShape(perm)} does not permute the axes of ${formatShape(x!.shape)}`);
    }
    return { shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype };
  },
  vjp: ({ node, grad }) => {
    const perm = numbers(node.attrs, "perm");
    return [
      transpose(
        grad,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ];
  },
});

/** [start, end) along one axis. */
export const sliceOp = defineOp({
  name: "slice",
  sizes: ["start", "end"],
  infer: ([x]: readonly Node[], attrs: Attrs) => {
    const [axis, start, end] = [attrs["axis"] as number, attrs["start"] as number, attrs["end"] as number];
    const dim = x!.shape[axis];
    if (dim === undefined || start < 0 || end > dim || start >= end) {
      throw shapeError(
        "slice",
        `[${start}, ${end}) of axis ${axis} is not inside ${markDim(x!.shape, axis - x!.shape.length)}`,
      );
    }
    return { shape: x!.shape.map((size, i) => (i === axis ? end - start : size)), dtype: x!.dtype };
  },
  vjp: ({ node, src: [x], grad }) => {
    const [axis, start, end] = [
      node.attrs["axis"] as number,
      node.attrs["start"] as number,
      node.attrs["end"] as number,
    ];
    const zeros = (size: number) => {
      const shape = x!.shape.map((dim, i) => (i === axis ? size : dim));
      return expand(
        constant(
          x!.graph,
          Float32Array.of(0),
          shape.map(() => 1),
        ),
        shape,
      );
    };
    const parts = [start > 0 ? zeros(start) : null, grad, end < x!.shape[axis]! ? zeros(x!.shape[axis]! - end) : null];
    return [
      concat(
        parts.filter((part) => part !== null),
        axis,
      ),
    ];
  },
});

export const concatOp = defineOp({
  name: "concat",
  infer: (src: readonly Node[], attrs: Attrs) => {
    const axis = attrs["axis"] as number;
    const first = src[0]!;
    if (first.shape[axis] === undefined) throw shapeError("concat", `no axis ${axis} in ${formatShape(first.shape)}`);
    const wanted = first.shape.map((dim, i) => (i === axis ? null : dim));
    for (const [i, node] of src.entries()) {
      if (node.dtype !== first.dtype) throw shapeError("concat", `dtypes differ: ${first.dtype} and ${node.dtype}`);
      checkShape("concat", `part ${i}`, node.shape, wanted);
    }
    const total = src.reduce((sum, node) => sum + node.shape[axis]!, 0);
    return { shape: first.shape.map((dim, i) => (i === axis ? total : dim)), dtype: first.dtype };
  },
  vjp: ({ node, src, grad, needs }) => {
    const axis = node.attrs["axis"] as number;
    let start = 0;
    return src.map((part, i) => {
      const from = start;
      start += part.shape[axis]!;
      return needs[i] ? slice(grad, axis, from, start) : null;
    });
  },
});

/** Repeats size-1 axes (and adds leading ones) until the shape fits: numpy's broadcast_to. */
export const expandOp = defineOp({
  name: "expand",
  sizes: ["shape"],
  infer: ([x]: readonly Node[], attrs: Attrs) => {
    const shape = numbers(attrs, "shape");
    if (!sameShape(broadcastShapes("expand", x!.shape, shape), shape)) {
      const at = shape.findIndex((dim, i) => dim === 1 && (x!.shape[i - shape.length + x!.shape.length] ?? 1) !== 1);
      throw shapeError(
        "expand",
        `${at < 0 ? formatShape(x!.shape) : markDim(x!.shape, at - shape.length)} does not broadcast to ${formatShape(shape)}`,
      );
    }
    return { shape, dtype: x!.dtype };
  },
  vjp: ({ src: [x], grad }) => [sumTo(grad, x!.shape)],
});

export const reshape = (x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : apply(reshapeOp, [x], { shape });
export const transpose = (x: Node, perm: readonly number[]): Node =>
  perm.every((axis, i) => axis === i) ? x : apply(transposeOp, [x], { perm });
export const slice = (x: Node, axis: number, start: number, end: number): Node =>
  start === 0 && end === x.shape[axis] ? x : apply(sliceOp, [x], { axis, start, end });
export const expand = (x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : apply(expandOp, [x], { shape });
export const concat = (parts: readonly Node[], axis: number): Node =>
  parts.length === 1 ? parts[0]! : apply(concatOp, parts as [Node, ...Node[]], { axis });
