/** Reading and writing rows by index. */
import type { Attrs, Node } from "../ir/node.js";
import { checkShape, shapeError } from "../ir/shape.js";
import { apply, defineOp } from "./op.js";

/** An index is i64 [n]; with `rows`, one for each of its rows. */
function checkIndex(op: string, index: Node, rows?: Node): void {
  if (index.dtype !== "i64") throw shapeError(op, `index needs i64, got ${index.dtype}`);
  if (rows && rows.shape.length === 0) throw shapeError(op, "needs one axis at least");
  checkShape(op, "index", index.shape, [rows?.shape[0] ?? null]);
}

/** x [rows, ...], index [n] i64 in 0..rows-1 -> [n, ...] */
export const gatherRowsOp = defineOp({
  name: "gatherRows",
  infer: ([x, index]: readonly Node[]) => {
    checkIndex("gatherRows", index!);
    if (x!.shape.length === 0) throw shapeError("gatherRows", "x needs one axis at least");
    return { shape: [index!.shape[0]!, ...x!.shape.slice(1)], dtype: x!.dtype };
  },
  vjp: ({ src: [x, index], grad }) => [scatterAddRows(grad, index!, x!.shape[0]!), null],
});

/** updates [n, ...], index [n] i64 in 0..rows-1 -> [rows, ...]: each update is added to its row of a zero tensor, in order. */
export const scatterAddRowsOp = defineOp({
  name: "scatterAddRows",
  sizes: ["rows"],
  infer: ([updates, index]: readonly Node[], attrs: Attrs) => {
    checkIndex("scatterAddRows", index!, updates!);
    return { shape: [attrs["rows"] as number, ...updates!.shape.slice(1)], dtype: updates!.dtype };
  },
  vjp: ({ src: [, index], grad }) => [gatherRows(grad, index!), null],
});

export const gatherRows = (x: Node, index: Node): Node => apply(gatherRowsOp, [x, index]);
export const scatterAddRows = (updates: Node, index: Node, rows: number): Node =>
  apply(scatterAddRowsOp, [updates, index], { rows });
/** x [n, d], index [n] i64 -> [n, 1]: one value a row. */
export const pickOp = defineOp({
  name: "pick",
  infer: ([x, index]: readonly Node[]) => {
    checkShape("pick", "x", x!.shape, [null, null]);
    checkIndex("pick", index!, x!);
    return { shape: [x!.shape[0]!, 1], dtype: x!.dtype };
  },
  // Only the loss picks, and it has its own gradient (loss.ts).
  vjp: null,
});
export const pick = (x: Node, index: Node): Node => apply(pickOp, [x, index]);
