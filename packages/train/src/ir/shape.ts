import { GituneError } from "@gitune/core";

/** Dimensions, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** The number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Numpy's rule: align at the right; equal, or one of them 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw shapeError(op, `cannot broadcast ${markDim(a, i - rank)} with ${markDim(b, i - rank)}`);
    out.push(Math.max(x, y));
  }
  return out;
}

/** A shape as text with one dimension, counted from the right, marked. */
export function markDim(shape: Shape, fromRight: number): string {
  const at = shape.length + fromRight;
  return `[${shape.map((dim, i) => (i === at ? `>${dim}<` : String(dim))).join(", ")}]`;
}

/**
 * Checks one operand against the sizes it should have; `null` stands for any size.
 * @throws GituneError `engine.shape` with the first clashing dimension marked
 */
export function checkShape(op: string, operand: string, shape: Shape, wanted: readonly (number | null)[]): void {
  const at = wanted.findIndex((dim, i) => dim !== null && dim !== shape[i]);
  if (shape.length === wanted.length && at < 0) return;
  const marked = shape.length === wanted.length ? markDim(shape, at - shape.length) : formatShape(shape);
  throw shapeError(op, `${operand} is ${marked}, it should be [${wanted.map((dim) => dim ?? "any").join(", ")}]`);
}

/** An operand that an op cannot take. It names the op, so that the graph's text leads to the place. */
export function shapeError(op: string, message: string): GituneError {
  return new GituneError({ code: "engine.shape", severity: "error", message: `${op}: ${message}` }, { exitCode: 3 });
}
