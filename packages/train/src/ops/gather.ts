/** Reading and writing rows by index. */
import type { Attrs, Node } from "../ir/node.js";
import { formatShape, shapeError } from "../ir/shape.js";
import { apply, defineOp } from "./op.js";

/** x [rows, ...], index [n] i64 in 0..rows-1 -> [n, ...] */
export const gatherRowsOp = defineOp({
  name: "gatherRows",
  infer: ([x, index]: readonly Node[]) => {
    if (index!.dtype !== "i64" || index!.shape.length !== 1 || x!.shape.length === 0) {
      throw shapeError("gatherRows", `index must be i64 [n], got ${index!.dtype} ${formatShape(index!.shape)}`);
    }
    return { shape: [index!.shape[0]!, ...x!.shape.slice(1)], dtype: x!.dtype };
  },
  vjp: ({ src: [x, index], grad }) => [scatterAddRows(grad, index!, x!.shape[0]!), null],
});

/** updates [n, d], index [n] i64 -> [rows, d]: each update is added to its row of a zero tensor, in order. */
export const scatterAddRowsOp = defineOp({
  name: "scatterAddRows",
  infer: ([updates, index]: readonly Node[], attrs: Attrs) => {
    if (updates!.shape.length !== 2 || index!.shape.length !== 1 || index!.shape[0] !== updates!.shape[0]) {
      throw shapeError(
        "scatterAddRows",
        `updates ${formatShape(updates!.shape)} with index ${formatShape(index!.shape)}`,
      );
    }
    return { shape: [attrs["rows"] as number, updates!.shape[1]!], dtype: updates!.dtype };
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
    if (x!.shape.length !== 2 || index!.shape.length !== 1 || index!.shape[0] !== x!.shape[0]) {
      throw shapeError("pick", `x ${formatShape(x!.shape)} with index ${formatShape(index!.shape)}`);
    }
    return { shape: [x!.shape[0]!, 1], dtype: x!.dtype };
  },
  // Only the loss picks, and it has its own gradient (loss.ts).
  vjp: null,
});
export const pick = (x: Node, index: Node): Node => apply(pickOp, [x, index]);
