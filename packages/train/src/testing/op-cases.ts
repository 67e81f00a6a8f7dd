/**
 * Cases of every op: broadcast on either side, scalars, leading axes, transposes, size-1 axes, repeated indices,
 * ties, extreme values. The mapped type makes a forgotten op a compile error.
 */
import type { Node } from "../ir/node.js";
import type { Shape } from "../ir/shape.js";
import { attention } from "../ops/attention.js";
import { add, cast, div, exp, log, maximum, minimum, mul, neg, scale, sigmoid, sqrt, sub } from "../ops/elementwise.js";
import { gatherRows, pick, scatterAddRows } from "../ops/gather.js";
import { int8Linear, int8MatMul, quantizeRows, rowScale } from "../ops/int8.js";
import { headLoss } from "../ops/loss.js";
import { matMul } from "../ops/matmul.js";
import { concat, expand, reshape, slice, transpose } from "../ops/movement.js";
import { rmsInverseOp, rmsNorm } from "../ops/norm.js";
import { apply } from "../ops/op.js";
import { argMax, sum, sumAll } from "../ops/reduce.js";
import { rope } from "../ops/rope.js";
import { softmax } from "../ops/softmax.js";
import { swiglu } from "../ops/swiglu.js";
import type { CompositeName, PrimitiveName } from "../ops/table.js";
import { type CaseInput, f32, f32Of, frozen, i64, type OpCase, opCase, u8 } from "./op-case.js";

type Binary = (a: Node, b: Node) => Node;
type Unary = (x: Node) => Node;

/** @param from,to range of the second operand */
function binaryCases(op: Binary, from = -2, to = 2): OpCase[] {
  const pair = (title: string, a: Shape, b: Shape) =>
    opCase(title, { a: f32(a), b: f32(b, from, to) }, (n) => op(n.a, n.b));
  return [
    pair("equal shapes", [2, 3], [2, 3]),
    pair("a row on the right", [2, 3], [3]),
    pair("a row on the left", [3], [2, 3]),
    pair("a scalar on the right", [2, 3], []),
    pair("a scalar on the left", [], [2, 3]),
    pair("two scalars", [], []),
    pair("both sides broadcast", [2, 1, 4], [3, 1]),
    pair("leading axes on the left", [4], [2, 3, 4]),
    pair("a column", [2, 3, 4], [3, 1]),
    pair("size-1 axes", [1, 1], [2, 3]),
    pair("size-1 axes of a higher rank", [1, 1, 1], [3]),
    opCase("one operand twice", { a: f32([2, 3], 0.5, 2) }, (n) => op(n.a, n.a)),
  ];
}

function unaryCases(op: Unary, from: number, to: number): OpCase[] {
  return [
    opCase("matrix", { x: f32([2, 3], from, to) }, (n) => op(n.x)),
    opCase("scalar", { x: f32([], from, to) }, (n) => op(n.x)),
    opCase("size-1 axes", { x: f32([1, 4, 1], from, to) }, (n) => op(n.x)),
  ];
}

function matMulCases(): OpCase[] {
  /** Shapes as if nothing were transposed. */
  const layouts: readonly (readonly [string, Shape, Shape])[] = [
    ["matrices", [2, 3], [3, 4]],
    ["all sizes 1", [1, 1], [1, 1]],
    ["a vector's worth", [1, 5], [5, 2]],
    ["batched", [2, 3, 2, 4], [2, 3, 4, 3]],
    ["one matrix on the right", [2, 3, 4], [4, 2]],
    ["one matrix on the left", [3, 4], [2, 4, 2]],
    ["batch broadcasts on both sides", [2, 1, 2, 3], [3, 3, 2]],
    ["a batch of one", [1, 2, 3], [4, 3, 2]],
  ];
  const swap = (shape: Shape, on: boolean): Shape =>
    on ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
  const cases = layouts.flatMap(([title, a, b]) =>
    [false, true].flatMap((transA) =>
      [false, true].flatMap((transB) =>
        [1, -0.75].map((alpha) =>
          opCase(
            `${title}${transA ? ", a transposed" : ""}${transB ? ", b transposed" : ""}, alpha ${alpha}`,
            { a: f32(swap(a, transA)), b: f32(swap(b, transB)) },
            (n) => matMul(n.a, n.b, { transA, transB, alpha }),
          ),
        ),
      ),
    ),
  );
  return [
    ...cases,
    opCase("by itself", { a: f32([3, 4]) }, (n) => matMul(n.a, n.a, { transB: true })),
    opCase("by itself, transposed", { a: f32([2, 3, 4]) }, (n) => matMul(n.a, n.a, { transA: true, alpha: 2 })),
    // One user of the product: lowered to Gemm on `onnx`.
    opCase("added to a matrix", { a: f32([2, 3]), b: f32([4, 3]), c: f32([2, 4]) }, (n) =>
      add(matMul(n.a, n.b, { transB: true, alpha: 0.5 }), n.c),
    ),
    opCase("a matrix added to it, a transposed", { a: f32([3, 2]), b: f32([3, 4]), c: f32([2, 4]) }, (n) =>
      add(n.c, matMul(n.a, n.b, { transA: true })),
    ),
    opCase("added to a row", { a: f32([2, 3]), b: f32([3, 4]), c: f32([4]) }, (n) => add(matMul(n.a, n.b), n.c)),
    opCase("added to another product", { a: f32([2, 3]), b: f32([3, 2]) }, (n) =>
      add(matMul(n.a, n.b), matMul(n.b, n.a, { transA: true, transB: true })),
    ),
    opCase("added to itself", { a: f32([2, 3]), b: f32([3, 2]) }, (n) => {
      const product = matMul(n.a, n.b);
      return add(product, product);
    }),
    opCase("a product with two users", { a: f32([2, 3]), b: f32([3, 2]), c: f32([2, 2]) }, (n) => {
      const product = matMul(n.a, n.b);
      return mul(add(product, n.c), product);
    }),
  ];
}

/** [1, length, length], 0 or -1e9. */
function causal(length: number): CaseInput {
  const values = Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -1e9 : 0));
  return frozen(f32Of([1, length, length], values));
}

function attentionCases(): OpCase[] {
  const run =
    (factor: number) =>
    (n: { readonly q: Node; readonly k: Node; readonly v: Node; readonly mask: Node }): Node =>
      attention(n.q, n.k, n.v, n.mask, factor);
  return [
    opCase("causal", { q: f32([2, 2, 3, 4]), k: f32([2, 2, 3, 4]), v: f32([2, 2, 3, 4]), mask: causal(3) }, run(0.5)),
    opCase(
      "grouped queries",
      { q: f32([1, 2, 6, 4]), k: f32([1, 2, 3, 4]), v: f32([1, 2, 3, 4]), mask: causal(3) },
      run(0.5),
    ),
    opCase(
      "a mask for each sequence, with padding",
      {
        q: f32([2, 1, 2, 4]),
        k: f32([2, 1, 3, 4]),
        v: f32([2, 1, 3, 4]),
        mask: frozen(f32Of([2, 2, 3], [0, -1e9, -1e9, 0, 0, -1e9, 0, 0, 0, -1e9, 0, 0])),
      },
      run(1),
    ),
    opCase(
      "values of another size, scores far apart",
      {
        q: f32([1, 1, 3, 2], -20, 20),
        k: f32([1, 1, 3, 2], -4, 4),
        v: f32([1, 1, 3, 5]),
        mask: causal(3),
      },
      run(0.7),
    ),
    opCase(
      "a single token",
      { q: f32([1, 1, 1, 2]), k: f32([1, 1, 1, 2]), v: f32([1, 1, 1, 2]), mask: causal(1) },
      run(1),
    ),
    opCase(
      "grouped queries in three blocks, a mask for each sequence",
      {
        q: f32([2, 2, 12, 4]),
        k: f32([2, 2, 6, 4]),
        v: f32([2, 2, 6, 3]),
        mask: frozen(
          // The second sequence holds two rows of three tokens.
          f32Of(
            [2, 6, 6],
            Array.from({ length: 72 }, (_, i) => {
              const [lane, query, key] = [Math.floor(i / 36), Math.floor(i / 6) % 6, i % 6];
              const start = lane === 1 && query >= 3 ? 3 : 0;
              return key > query || key < start ? -1e9 : 0;
            }),
          ),
        ),
      },
      (n) => attention(n.q, n.k, n.v, n.mask, 0.5, 3),
    ),
    opCase("one tensor as q, k and v", { x: f32([1, 2, 3, 4]), mask: causal(3) }, (n) =>
      attention(n.x, n.x, n.x, n.mask, 0.5),
    ),
  ];
}

function headLossCases(): OpCase[] {
  const run = (n: { readonly h: Node; readonly head: Node; readonly labels: Node; readonly weights: Node }): Node =>
    lossOf(n.h, n.head, n.labels, n.weights);
  return [
    opCase(
      "repeated labels, one weight 0",
      {
        h: f32([4, 3]),
        head: f32([5, 3]),
        labels: i64([4], [2, 2, 0, 4]),
        weights: frozen(f32Of([4, 1], [0.4, 0.35, 0, 0.25])),
      },
      run,
    ),
    opCase(
      "one row",
      { h: f32([1, 2]), head: f32([3, 2]), labels: i64([1], [1]), weights: frozen(f32Of([1, 1], [1])) },
      run,
    ),
    opCase(
      "probabilities near 0 and near 1",
      {
        h: f32Of([2, 2], [30, 0, 0, 30]),
        head: f32Of([3, 2], [1, -1, -1, 1, 0, 0]),
        labels: i64([2], [1, 1]),
        weights: frozen(f32Of([2, 1], [0.5, 0.5])),
      },
      run,
    ),
    opCase(
      "a probability that is 0 in f32",
      {
        h: f32Of([2, 2], [120, 0, 1, 1]),
        head: f32Of([3, 2], [1, -1, -1, 1, 0, 0]),
        labels: i64([2], [1, 0]),
        weights: frozen(f32Of([2, 1], [0.5, 0.5])),
      },
      run,
      "the value is held at the smallest normal number's logarithm; the gradient stays that of the true loss",
    ),
    opCase(
      "the head is the embedding",
      {
        table: f32([5, 3]),
        ids: i64([3], [4, 1, 4]),
        labels: i64([3], [1, 4, 0]),
        weights: frozen(f32Of([3, 1], [0.3, 0.3, 0.4])),
      },
      (n) => lossOf(gatherRows(n.table, n.ids), n.table, n.labels, n.weights),
    ),
  ];
}

const lossOf = (h: Node, head: Node, labels: Node, weights: Node): Node =>
  headLoss(h, head, labels, weights, matMul(h, head, { transB: true }));

function ropeCases(): OpCase[] {
  const angles = (positions: number, half: number, f: (angle: number) => number): CaseInput => {
    const values = Array.from({ length: positions * half }, (_, i) =>
      Math.fround(f(Math.floor(i / half) / 10 ** (i % half))),
    );
    return frozen(f32Of([positions, half], values));
  };
  const one = (title: string, x: Shape, positions: readonly number[], table: number) =>
    opCase(
      title,
      {
        x: f32(x),
        positions: i64([x[0]!, x[2]!], positions),
        cos: angles(table, x[3]! / 2, Math.cos),
        sin: angles(table, x[3]! / 2, Math.sin),
      },
      (n) => rope(n.x, n.positions, n.cos, n.sin),
    );
  return [
    one("counting positions", [1, 2, 3, 4], [0, 1, 2], 3),
    one("own positions for each sequence, some repeated", [2, 3, 4, 6], [0, 1, 2, 3, 5, 5, 0, 7], 8),
    one("one pair", [2, 1, 1, 2], [3, 0], 4),
    one("a vector register wide", [1, 1, 2, 32], [1, 4], 5),
  ];
}

function rmsCases(op: (x: Node, w: Node) => Node): OpCase[] {
  return [
    opCase("matrix", { x: f32([3, 8]), w: f32([8]) }, (n) => op(n.x, n.w)),
    opCase("three axes, odd size", { x: f32([2, 3, 5]), w: f32([5]) }, (n) => op(n.x, n.w)),
    opCase("values below eps", { x: f32([2, 4], -1e-4, 1e-4), w: f32([4]) }, (n) => op(n.x, n.w)),
    opCase("one value", { x: f32([2, 1], 1, 2), w: f32([1]) }, (n) => op(n.x, n.w)),
  ];
}

/** Largest magnitudes of 127 and quarters that no rounding is near, so that f32 and float64 quantize alike. */
const INT8_ROWS = [
  [127, -2.25, 3.3, 0, 64.2],
  [-127, 12.7, -31.25, 1.1, 5],
  [99.7, 127, -0.3, 7.7, -7.7],
  [0, 0, 127, -126.8, 25.2],
].flat();

export const OP_CASES: { readonly [K in PrimitiveName | CompositeName]: readonly OpCase[] } = {
  add: [
    ...binaryCases(add),
    opCase("integers", { a: i64([3], [1, -2, 3]), b: i64([], [4]) }, (n) => cast(add(n.a, n.b), "f32")),
  ],
  sub: binaryCases(sub),
  mul: [
    ...binaryCases(mul),
    opCase("kept values, and their gradient", { x: f32([2, 3]), keep: u8([2, 3], [0, 1, 1, 1, 0, 1]) }, (n) =>
      mul(n.x, cast(n.keep, "f32")),
    ),
  ],
  div: binaryCases(div, 0.5, 2),
  minimum: [
    ...binaryCases(minimum),
    opCase("ties", { a: f32Of([3], [1, 2, 3]), b: f32Of([3], [1, 3, 3]) }, (n) => minimum(n.a, n.b)),
  ],
  maximum: [
    ...binaryCases(maximum),
    opCase("ties", { a: f32Of([3], [1, 2, 3]), b: f32Of([3], [1, 3, 3]) }, (n) => maximum(n.a, n.b)),
  ],
  neg: unaryCases(neg, -2, 2),
  exp: [
    ...unaryCases(exp, -2, 2),
    opCase("far below 0", { x: f32Of([3], [-80, -200, -1e9]) }, (n) => exp(n.x)),
    opCase("used twice, scaled", { x: f32([4]) }, (n) => mul(exp(n.x), exp(scale(n.x, 0.5)))),
  ],
  log: [
    ...unaryCases(log, 0.1, 4),
    opCase("small", { x: f32Of([3], [1e-3, 1e-2, 1]) }, (n) => log(n.x)),
    opCase("the smallest normal number", { x: frozen(f32Of([2], [1.2e-38, 1])) }, (n) => log(n.x)),
  ],
  sqrt: unaryCases(sqrt, 0.1, 4),
  sigmoid: [
    ...unaryCases(sigmoid, -6, 6),
    opCase("saturated", { x: f32Of([4], [-100, 100, -30, 30]) }, (n) => sigmoid(n.x)),
  ],
  cast: [
    opCase("integers to f32", { x: i64([2, 2], [0, -3, 7, 70_000]) }, (n) => cast(n.x, "f32")),
    opCase("flags to f32", { x: u8([2, 2], [0, 1, 255, 1]) }, (n) => cast(n.x, "f32")),
    opCase("f32 to integers, towards 0", { x: frozen(f32Of([5], [1.9, -1.9, 0.5, -0.5, 3])) }, (n) => cast(n.x, "i64")),
    opCase("a bf16 weight of a checkpoint", {}, (_, graph, weights) => cast(weights.weight(graph, "half"), "f32")),
    opCase("a bf16 vector with a wide range", {}, (_, graph, weights) =>
      cast(weights.weight(graph, "half.vector"), "f32"),
    ),
  ],
  sum: [
    opCase("first axis", { x: f32([2, 3]) }, (n) => sum(n.x, [0])),
    opCase("last axis", { x: f32([2, 3]) }, (n) => sum(n.x, [1])),
    opCase("two axes, not neighbours", { x: f32([2, 3, 4]) }, (n) => sum(n.x, [0, 2])),
    opCase("a middle axis", { x: f32([2, 3, 4]) }, (n) => sum(n.x, [1])),
    opCase("a size-1 axis", { x: f32([2, 1, 3]) }, (n) => sum(n.x, [1])),
    opCase("everything", { x: f32([2, 3, 2]) }, (n) => sumAll(n.x)),
    opCase("everything of a vector", { x: f32([5]) }, (n) => sumAll(n.x)),
  ],
  argMax: [
    opCase("matrix", { x: f32([3, 5]) }, (n) => argMax(n.x)),
    opCase("vector", { x: f32([4]) }, (n) => argMax(n.x)),
    opCase("three axes, all negative", { x: f32([2, 3, 4], -3, -1) }, (n) => argMax(n.x)),
    opCase("ties: the first wins", { x: f32Of([3, 4], [1, 3, 3, 0, 2, 2, 2, 2, -1, -5, -1, -1]) }, (n) => argMax(n.x)),
    opCase("one value", { x: f32([2, 1]) }, (n) => argMax(n.x)),
  ],
  reshape: [
    opCase("split an axis", { x: f32([2, 6]) }, (n) => reshape(n.x, [2, 3, 2])),
    opCase("join axes", { x: f32([2, 3, 2]) }, (n) => reshape(n.x, [6, 2])),
    opCase("to a scalar", { x: f32([1, 1]) }, (n) => reshape(n.x, [])),
    opCase("from a scalar", { x: f32([]) }, (n) => reshape(n.x, [1, 1, 1])),
    opCase("integers", { x: i64([4], [1, 2, 3, 4]) }, (n) => cast(reshape(n.x, [2, 2]), "f32")),
  ],
  transpose: [
    opCase("matrix", { x: f32([2, 3]) }, (n) => transpose(n.x, [1, 0])),
    opCase("heads", { x: f32([2, 3, 2, 4]) }, (n) => transpose(n.x, [0, 2, 1, 3])),
    opCase("a cycle of three", { x: f32([2, 3, 4]) }, (n) => transpose(n.x, [2, 0, 1])),
    opCase("size-1 axes", { x: f32([1, 3, 1]) }, (n) => transpose(n.x, [2, 1, 0])),
    opCase("integers", { x: i64([2, 2], [1, 2, 3, 4]) }, (n) => cast(transpose(n.x, [1, 0]), "f32")),
  ],
  slice: [
    opCase("the middle of the first axis", { x: f32([5, 2]) }, (n) => slice(n.x, 0, 1, 3)),
    opCase("the middle of the last axis", { x: f32([2, 5]) }, (n) => slice(n.x, 1, 2, 4)),
    opCase("the middle of a middle axis", { x: f32([2, 4, 3]) }, (n) => slice(n.x, 1, 1, 3)),
    opCase("from the start", { x: f32([4]) }, (n) => slice(n.x, 0, 0, 2)),
    opCase("to the end", { x: f32([4]) }, (n) => slice(n.x, 0, 3, 4)),
    opCase("two overlapping parts", { x: f32([5]) }, (n) => mul(slice(n.x, 0, 0, 3), slice(n.x, 0, 2, 5))),
    opCase("integers", { x: i64([4], [1, 2, 3, 4]) }, (n) => cast(slice(n.x, 0, 1, 3), "f32")),
  ],
  concat: [
    opCase("first axis", { a: f32([1, 3]), b: f32([2, 3]) }, (n) => concat([n.a, n.b], 0)),
    opCase("last axis", { a: f32([2, 1]), b: f32([2, 3]), c: f32([2, 2]) }, (n) => concat([n.a, n.b, n.c], 1)),
    opCase("middle axis", { a: f32([2, 1, 2]), b: f32([2, 2, 2]) }, (n) => concat([n.a, n.b], 1)),
    opCase("one part twice", { a: f32([2]), b: f32([1]) }, (n) => concat([n.a, n.b, n.a], 0)),
    opCase("integers", { a: i64([1], [5]), b: i64([2], [6, 7]) }, (n) => cast(concat([n.a, n.b], 0), "f32")),
  ],
  expand: [
    opCase("a leading axis", { x: f32([3]) }, (n) => expand(n.x, [2, 3])),
    opCase("a trailing size-1 axis", { x: f32([2, 1]) }, (n) => expand(n.x, [2, 4])),
    opCase("a scalar", { x: f32([]) }, (n) => expand(n.x, [2, 2])),
    opCase("several axes", { x: f32([1, 3, 1]) }, (n) => expand(n.x, [2, 3, 4])),
    opCase("only leading ones", { x: f32([3]) }, (n) => expand(n.x, [1, 1, 3])),
  ],
  matMul: matMulCases(),
  gatherRows: [
    opCase("repeated rows", { x: f32([4, 3]), index: i64([5], [2, 0, 2, 2, 3]) }, (n) => gatherRows(n.x, n.index)),
    opCase("one row", { x: f32([1, 3]), index: i64([1], [0]) }, (n) => gatherRows(n.x, n.index)),
    opCase("three axes", { x: f32([3, 2, 2]), index: i64([4], [1, 1, 0, 2]) }, (n) => gatherRows(n.x, n.index)),
    opCase("a vector", { x: f32([4]), index: i64([3], [3, 0, 3]) }, (n) => gatherRows(n.x, n.index)),
    opCase("integers", { x: i64([3], [7, 8, 9]), index: i64([2], [2, 0]) }, (n) =>
      cast(gatherRows(n.x, n.index), "f32"),
    ),
  ],
  scatterAddRows: [
    opCase("repeated rows", { x: f32([5, 3]), index: i64([5], [2, 0, 2, 2, 3]) }, (n) =>
      scatterAddRows(n.x, n.index, 4),
    ),
    opCase("more rows than updates", { x: f32([2, 2]), index: i64([2], [5, 1]) }, (n) =>
      scatterAddRows(n.x, n.index, 7),
    ),
    opCase("all to one row", { x: f32([4, 2]), index: i64([4], [0, 0, 0, 0]) }, (n) => scatterAddRows(n.x, n.index, 1)),
    opCase("three axes", { x: f32([3, 2, 2]), index: i64([3], [1, 0, 1]) }, (n) => scatterAddRows(n.x, n.index, 2)),
    opCase("a vector", { x: f32([3]), index: i64([3], [1, 0, 1]) }, (n) => scatterAddRows(n.x, n.index, 2)),
  ],
  pick: [
    opCase("one a row", { x: f32([3, 4]), index: i64([3], [3, 0, 3]) }, (n) => pick(n.x, n.index)),
    opCase("one column", { x: f32([2, 1]), index: i64([2], [0, 0]) }, (n) => pick(n.x, n.index)),
  ],
  softmax: [
    opCase("matrix", { x: f32([2, 5]) }, (n) => softmax(n.x)),
    opCase("vector", { x: f32([5]) }, (n) => softmax(n.x)),
    opCase("three axes", { x: f32([2, 3, 4]) }, (n) => softmax(n.x)),
    opCase("one value", { x: f32([3, 1]) }, (n) => softmax(n.x)),
    opCase("large scores", { x: f32([2, 4], 990, 1000) }, (n) => softmax(n.x)),
    opCase("masked scores", { x: f32([2, 3]), mask: frozen(f32Of([2, 3], [0, -1e9, -1e9, -1e9, 0, 0])) }, (n) =>
      softmax(add(n.x, n.mask)),
    ),
    opCase("every score masked", { x: frozen(f32Of([1, 4], [-1e9, -1e9, -1e9, -1e9])) }, (n) => softmax(n.x)),
    opCase("longer than a vector register", { x: f32([2, 37], -8, 8) }, (n) => softmax(n.x)),
  ],
  rmsNorm: [
    ...rmsCases((x, w) => rmsNorm(x, w, 1e-5)),
    opCase("two weights over one input", { x: f32([2, 4]), w: f32([4]), u: f32([4]) }, (n) =>
      mul(rmsNorm(n.x, n.w, 1e-6), rmsNorm(n.x, n.u, 1e-6)),
    ),
    opCase("values of 1e3", { x: f32([2, 16], -1000, 1000), w: f32([16]) }, (n) => rmsNorm(n.x, n.w, 1e-5)),
  ],
  rmsInverse: rmsCases((x) => apply(rmsInverseOp, [x], { eps: 1e-5 })).map(({ inputs, ...rest }) => ({
    ...rest,
    inputs: { x: inputs["x"]! },
  })),
  rope: ropeCases(),
  swiglu: [
    opCase("matrix", { gate: f32([2, 3]), up: f32([2, 3]) }, (n) => swiglu(n.gate, n.up)),
    opCase("saturated gates", { gate: f32Of([4], [-40, 40, -90, 12]), up: f32([4]) }, (n) => swiglu(n.gate, n.up)),
    opCase("one operand twice", { x: f32([3]) }, (n) => swiglu(n.x, n.x)),
  ],
  rowScale: [
    opCase("either sign", { x: frozen(f32Of([3, 3], [1, -4, 2, 3, 0.5, -1, 0, 1e-3, 0])) }, (n) => rowScale(n.x)),
    opCase("a row of zeros", { x: frozen(f32Of([1, 4], [0, 0, 0, 0])) }, (n) => rowScale(n.x)),
    opCase("wide", { x: frozen(f32([4, 200], -9, 3)) }, (n) => rowScale(n.x)),
  ],
  quantizeRows: [
    opCase(
      "rounded, ties to even, clipped",
      {
        x: frozen(f32Of([2, 4], [0.5, 1.5, -2.5, 0.49, 300, -300, 2, -127])),
        scale: frozen(f32Of([2, 1], [1, 1])),
      },
      (n) => cast(quantizeRows(n.x, n.scale), "f32"),
    ),
    opCase("a scale a row", { x: frozen(f32Of([2, 2], [4, -8, 4, -8])), scale: frozen(f32Of([2, 1], [2, 0.5])) }, (n) =>
      cast(quantizeRows(n.x, n.scale), "f32"),
    ),
  ],
  int8MatMul: [
    opCase(
      "small whole numbers are exact",
      {
        x: frozen(f32Of([2, 5], [1, -2, 3, 127, 0, -127, 5, 6, 7, 8])),
        scale: frozen(f32Of([2, 1], [1, 1])),
        columns: frozen(f32([3], 0.1, 2)),
      },
      (n, graph, weights) => int8MatMul(quantizeRows(n.x, n.scale), n.scale, weights.weight(graph, "int8"), n.columns),
    ),
  ],
  int8Linear: [
    opCase(
      "forward and back",
      {
        x: f32Of([4, 5], INT8_ROWS),
        columns: frozen(f32([3], 0.01, 0.02)),
        backColumns: frozen(f32([5], 0.01, 0.02)),
        rotation: frozen(f32Of([1, 1], [1])),
      },
      (n, graph, weights) =>
        int8Linear(n.x, {
          forward: { values: weights.weight(graph, "int8"), columns: n.columns },
          backward: { values: weights.weight(graph, "int8.back"), columns: n.backColumns },
          rotation: n.rotation,
        }),
    ),
  ],
  attention: attentionCases(),
  headLoss: headLossCases(),
};

/** Every case with its op, for tests to loop over. */
export const ALL_CASES: readonly { readonly op: PrimitiveName | CompositeName; readonly opCase: OpCase }[] =
  Object.entries(OP_CASES).flatMap(([op, cases]) =>
    cases.map((one) => ({ op: op as PrimitiveName | CompositeName, opCase: one })),
  );
