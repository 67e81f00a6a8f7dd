/** Operands that each op must refuse, and what its message must say. The mapped type makes a forgotten op a compile error. */
import type { DType } from "../ir/dtype.js";
import { Graph, type Node } from "../ir/node.js";
import type { Shape } from "../ir/shape.js";
import { attention } from "../ops/attention.js";
import { add, cast, div, exp, log, maximum, minimum, mul, neg, sigmoid, sqrt, sub } from "../ops/elementwise.js";
import { gatherRows, pick, scatterAddRows } from "../ops/gather.js";
import { int8Linear, int8MatMul, quantizeRows, rowScale } from "../ops/int8.js";
import { input } from "../ops/leaf.js";
import { headLoss } from "../ops/loss.js";
import { matMul } from "../ops/matmul.js";
import { concat, expand, reshape, slice, transpose } from "../ops/movement.js";
import { rmsInverseOp, rmsNorm } from "../ops/norm.js";
import { apply } from "../ops/op.js";
import { argMax, sum } from "../ops/reduce.js";
import { rope } from "../ops/rope.js";
import { softmax } from "../ops/softmax.js";
import { swiglu } from "../ops/swiglu.js";
import type { CompositeName, PrimitiveName } from "../ops/table.js";

export interface BadOperands {
  readonly title: string;
  readonly build: (operand: (shape: Shape, dtype?: DType) => Node) => Node;
  /** Part of the message; a clashing dimension stands between > and <. */
  readonly says: string;
}

const bad = (title: string, build: BadOperands["build"], says: string): BadOperands => ({ title, build, says });

const binary = (op: (a: Node, b: Node) => Node): BadOperands[] => [
  bad("sizes that do not broadcast", (x) => op(x([2, 3]), x([2, 4])), "[2, >3<] with [2, >4<]"),
  bad("a size that clashes on the left", (x) => op(x([5, 2, 3]), x([4, 1, 3])), "[>5<, 2, 3] with [>4<, 1, 3]"),
  bad("a row of the wrong size", (x) => op(x([2, 3]), x([2])), "[2, >3<] with [>2<]"),
  bad("two dtypes", (x) => op(x([2]), x([2], "i64")), "f32 and i64"),
];

const unary = (op: (x: Node) => Node): BadOperands[] => [
  bad("integers", (x) => op(x([2], "i64")), "needs f32, got i64"),
  bad("a storage type", (x) => op(x([2], "bf16")), "needs f32, got bf16"),
];

export const BAD_OPERANDS: { readonly [K in PrimitiveName | CompositeName]: readonly BadOperands[] } = {
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  minimum: binary(minimum),
  maximum: binary(maximum),
  neg: unary(neg),
  exp: unary(exp),
  log: unary(log),
  sqrt: unary(sqrt),
  sigmoid: unary(sigmoid),
  cast: [bad("to a storage type", (x) => cast(x([2]), "bf16"), "not bf16")],
  sum: [
    bad("no such axis", (x) => sum(x([2, 3]), [2]), "no axis 2 in [2, 3]"),
    bad("a negative axis", (x) => sum(x([2, 3]), [-1]), "no axis -1 in [2, 3]"),
    bad("an axis twice", (x) => sum(x([2, 3]), [0, 0]), "axis 0 is named twice"),
    bad("integers", (x) => sum(x([2], "i64"), [0]), "needs f32"),
  ],
  argMax: [
    bad("a scalar", (x) => argMax(x([])), "at least one axis"),
    bad("integers", (x) => argMax(x([2], "i64")), "needs f32"),
  ],
  reshape: [bad("another number of values", (x) => reshape(x([2, 3]), [4, 2]), "[2, 3] has 6 values, [4, 2] 8")],
  transpose: [
    bad("an axis twice", (x) => transpose(x([2, 3]), [1, 1]), "[1, 1] does not permute the axes of [2, 3]"),
    bad("too few axes", (x) => transpose(x([2, 3, 4]), [1, 0]), "[1, 0] does not permute the axes of [2, 3, 4]"),
  ],
  slice: [
    bad("past the end", (x) => slice(x([2, 5]), 1, 3, 6), "[3, 6) of axis 1 is not inside [2, >5<]"),
    bad("empty", (x) => slice(x([5, 2]), 0, 2, 2), "[2, 2) of axis 0 is not inside [>5<, 2]"),
    bad("before the start", (x) => slice(x([5]), 0, -1, 2), "[>5<]"),
    bad("no such axis", (x) => slice(x([5]), 1, 0, 1), "axis 1"),
  ],
  concat: [
    bad("another size", (x) => concat([x([2, 3]), x([2, 4])], 0), "part 1 is [2, >4<], it should be [any, 3]"),
    bad("another rank", (x) => concat([x([2, 3]), x([2])], 0), "part 1 is [2], it should be [any, 3]"),
    bad("another dtype", (x) => concat([x([2]), x([2], "i64")], 0), "f32 and i64"),
    bad("no such axis", (x) => concat([x([2]), x([2])], 1), "no axis 1 in [2]"),
  ],
  expand: [
    bad("an axis that is not 1", (x) => expand(x([2, 3]), [2, 6]), "[2, >3<] with [2, >6<]"),
    bad("to a smaller shape", (x) => expand(x([4, 3]), [1, 3]), "[>4<, 3] does not broadcast to [1, 3]"),
    bad("to a lower rank", (x) => expand(x([2, 3]), [3]), "[2, 3] does not broadcast to [3]"),
  ],
  matMul: [
    bad("inner sizes", (x) => matMul(x([2, 3]), x([4, 5])), "[2, >3<] and [>4<, 5]"),
    bad("inner sizes, a transposed", (x) => matMul(x([2, 3]), x([3, 5]), { transA: true }), "[>2<, 3] and [>3<, 5]"),
    bad("inner sizes, b transposed", (x) => matMul(x([2, 3]), x([3, 5]), { transB: true }), "[2, >3<] and [3, >5<]"),
    bad("batches that do not broadcast", (x) => matMul(x([2, 4, 3]), x([5, 3, 4])), ">2<] with [>5<"),
    bad("a vector", (x) => matMul(x([3]), x([3, 4])), "two axes at least"),
    bad("a storage type", (x) => matMul(x([2, 3]), x([3, 4], "bf16")), "needs f32, got f32 and bf16"),
  ],
  gatherRows: [
    bad("an f32 index", (x) => gatherRows(x([4, 3]), x([2])), "index needs i64, got f32"),
    bad(
      "an index with two axes",
      (x) => gatherRows(x([4, 3]), x([2, 1], "i64")),
      "index is [2, 1], it should be [any]",
    ),
    bad("rows of a scalar", (x) => gatherRows(x([]), x([2], "i64")), "one axis at least"),
  ],
  scatterAddRows: [
    bad(
      "another number of rows",
      (x) => scatterAddRows(x([4, 3]), x([2], "i64"), 5),
      "index is [>2<], it should be [4]",
    ),
    bad("an f32 index", (x) => scatterAddRows(x([4, 3]), x([4]), 5), "index needs i64, got f32"),
    bad("a scalar", (x) => scatterAddRows(x([]), x([1], "i64"), 5), "one axis at least"),
  ],
  pick: [
    bad("another number of rows", (x) => pick(x([4, 3]), x([3], "i64")), "index is [>3<], it should be [4]"),
    bad("three axes", (x) => pick(x([4, 3, 2]), x([4], "i64")), "x is [4, 3, 2], it should be [any, any]"),
    bad("an f32 index", (x) => pick(x([4, 3]), x([4])), "index needs i64, got f32"),
  ],
  softmax: [
    bad("a scalar", (x) => softmax(x([])), "at least one axis"),
    bad("integers", (x) => softmax(x([3], "i64")), "needs f32"),
  ],
  rmsNorm: [
    bad("a weight of another size", (x) => rmsNorm(x([2, 8]), x([4]), 1e-5), "weight is [>4<], it should be [8]"),
    bad("a weight with two axes", (x) => rmsNorm(x([2, 8]), x([1, 8]), 1e-5), "weight is [1, 8], it should be [8]"),
    bad("a scalar", (x) => rmsNorm(x([]), x([1]), 1e-5), "one axis at least"),
  ],
  rmsInverse: [bad("a scalar", (x) => apply(rmsInverseOp, [x([])], { eps: 1e-5 }), "one axis at least")],
  rope: [
    bad(
      "an odd head size",
      (x) => rope(x([1, 2, 3, 5]), x([1, 3], "i64"), x([4, 2]), x([4, 2])),
      "[1, 2, 3, >5<] has no pairs",
    ),
    bad(
      "a table of another width",
      (x) => rope(x([1, 2, 3, 8]), x([1, 3], "i64"), x([4, 8]), x([4, 8])),
      "cos is [4, >8<], it should be [any, 4]",
    ),
    bad(
      "two different tables",
      (x) => rope(x([1, 2, 3, 8]), x([1, 3], "i64"), x([4, 4]), x([5, 4])),
      "sin is [>5<, 4], it should be [4, 4]",
    ),
    bad(
      "positions of another length",
      (x) => rope(x([1, 2, 3, 8]), x([1, 4], "i64"), x([4, 4]), x([4, 4])),
      "positions is [1, >4<], it should be [1, 3]",
    ),
    bad("f32 positions", (x) => rope(x([1, 2, 3, 8]), x([1, 3]), x([4, 4]), x([4, 4])), "positions needs i64, got f32"),
    bad("heads not split", (x) => rope(x([6, 8]), x([1, 6], "i64"), x([6, 4]), x([6, 4])), "x is [6, 8], it should be"),
  ],
  rowScale: [
    bad("three axes", (x) => rowScale(x([2, 3, 4])), "x is [2, 3, 4], it should be [any, any]"),
    bad("integers", (x) => rowScale(x([2, 3], "i64")), "needs f32, got i64"),
  ],
  quantizeRows: [
    bad("a scale for columns", (x) => quantizeRows(x([2, 3]), x([1, 3])), "scale is [>1<, 3], it should be [2, 1]"),
  ],
  int8MatMul: [
    bad(
      "f32 rows",
      (x) => int8MatMul(x([2, 3]), x([2, 1]), x([3, 4], "i8"), x([4])),
      "needs u8 and i8, got f32 and i8",
    ),
    bad(
      "another inner size",
      (x) => int8MatMul(x([2, 3], "u8"), x([2, 1]), x([5, 4], "i8"), x([4])),
      "w is [>5<, 4], it should be [3, any]",
    ),
    bad(
      "a scale for rows",
      (x) => int8MatMul(x([2, 3], "u8"), x([2, 1]), x([3, 4], "i8"), x([3])),
      "columns is [>3<], it should be [4]",
    ),
  ],
  int8Linear: [
    bad(
      "the other direction of another layer",
      (x) =>
        int8Linear(x([2, 3]), {
          forward: { values: x([3, 4], "i8"), columns: x([4]) },
          backward: { values: x([3, 4], "i8"), columns: x([3]) },
          rotation: x([1, 1]),
        }),
      "back is [>3<, 4], it should be [4, 3]",
    ),
    bad(
      "blocks that do not fill a row",
      (x) =>
        int8Linear(x([2, 3]), {
          forward: { values: x([3, 4], "i8"), columns: x([4]) },
          backward: { values: x([4, 3], "i8"), columns: x([3]) },
          rotation: x([2, 2]),
        }),
      "3 columns of x are no whole blocks of 2",
    ),
  ],
  swiglu: [bad("two shapes", (x) => swiglu(x([2, 3]), x([2, 4])), "up is [2, >4<], it should be [2, 3]")],
  attention: [
    bad(
      "keys of another head size",
      (x) => attention(x([1, 2, 6, 4]), x([1, 2, 3, 5]), x([1, 2, 3, 4]), x([1, 3, 3]), 1),
      "k is [1, 2, 3, >5<], it should be [1, 2, any, 4]",
    ),
    bad(
      "keys of another number of groups",
      (x) => attention(x([1, 2, 6, 4]), x([1, 4, 3, 4]), x([1, 4, 3, 4]), x([1, 3, 3]), 1),
      "k is [1, >4<, 3, 4], it should be [1, 2, any, 4]",
    ),
    bad(
      "fewer values than keys",
      (x) => attention(x([1, 2, 6, 4]), x([1, 2, 3, 4]), x([1, 2, 2, 4]), x([1, 3, 3]), 1),
      "v is [1, 2, >2<, 4], it should be [1, 2, 3, any]",
    ),
    bad(
      "a mask for queries that are no group",
      (x) => attention(x([1, 2, 6, 4]), x([1, 2, 3, 4]), x([1, 2, 3, 4]), x([1, 4, 3]), 1),
      "6 rows of q are no multiple of the mask's 4",
    ),
    bad(
      "a mask for another batch",
      (x) => attention(x([3, 1, 2, 4]), x([3, 1, 2, 4]), x([3, 1, 2, 4]), x([2, 2, 2]), 1),
      "mask is [>2<, 2, 2], it should be [3, any, 2]",
    ),
    bad(
      "no batch",
      (x) => attention(x([2, 6, 4]), x([2, 3, 4]), x([2, 3, 4]), x([1, 3, 3]), 1),
      "q is [2, 6, 4], it should be [any, any, any, any]",
    ),
  ],
  headLoss: [
    bad(
      "a head of another width",
      (x) => headLoss(x([4, 3]), x([9, 5]), x([4], "i64"), x([4, 1]), x([4, 9])),
      "head is [9, >5<], it should be [any, 3]",
    ),
    bad(
      "another number of labels",
      (x) => headLoss(x([4, 3]), x([9, 3]), x([5], "i64"), x([4, 1]), x([4, 9])),
      "labels is [>5<], it should be [4]",
    ),
    bad(
      "weights without their axis",
      (x) => headLoss(x([4, 3]), x([9, 3]), x([4], "i64"), x([4]), x([4, 9])),
      "weights is [4], it should be [4, 1]",
    ),
    bad(
      "logits of another vocabulary",
      (x) => headLoss(x([4, 3]), x([9, 3]), x([4], "i64"), x([4, 1]), x([4, 8])),
      "logits is [4, >8<], it should be [4, 9]",
    ),
    bad("f32 labels", (x) => headLoss(x([4, 3]), x([9, 3]), x([4]), x([4, 1]), x([4, 9])), "labels needs i64, got f32"),
  ],
};

/** Inputs named one after the other, so that no two are the same node. */
export function operands(): (shape: Shape, dtype?: DType) => Node {
  const graph = new Graph();
  let count = 0;
  return (shape, dtype = "f32") => input(graph, `x${count++}`, shape, dtype);
}
