import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Graph, type Node } from "../../ir/node.js";
import { add, mul, neg, scale } from "../../ops/elementwise.js";
import { constant, input, scalar } from "../../ops/leaf.js";
import { matMul } from "../../ops/matmul.js";
import { reshape } from "../../ops/movement.js";
import { rmsInverseOp, rmsNorm } from "../../ops/norm.js";
import { apply } from "../../ops/op.js";
import { assertClose } from "../../testing/compare.js";
import { uniform } from "../../testing/random.js";
import type { Feeds } from "../backend.js";
import { evaluate } from "../reference/run.js";
import { lowerToOnnx } from "./lower.js";
import type { LowerOptions } from "./rules/rule.js";
import { onnxBackend } from "./session.js";

const feed = (name: string, shape: readonly number[]) => ({
  data: uniform(
    name,
    shape.reduce((a, b) => a * b, 1),
  ),
  shape,
});
const FEEDS: Feeds = {
  a: feed("a", [2, 3]),
  b: feed("b", [3, 4]),
  c: feed("c", [2, 4]),
  d: feed("d", [4, 4]),
  row: feed("row", [4]),
  batched: feed("batched", [5, 2, 3]),
};

type Inputs = { readonly [K in "a" | "b" | "c" | "d" | "row" | "batched"]: Node };

function build(make: (inputs: Inputs, graph: Graph) => Record<string, Node>): Record<string, Node> {
  const graph = new Graph();
  const inputs = Object.fromEntries(
    Object.entries(FEEDS).map(([name, { shape }]) => [name, input(graph, name, shape)]),
  ) as Inputs;
  return make(inputs, graph);
}

const OPTIONS: LowerOptions = { threads: 2, weights: "packed" };

/** How often the model names an op. Op names are plain text in a protobuf file. */
const countOp = (bytes: Uint8Array, op: string): number =>
  Buffer.from(bytes)
    .toString("latin1")
    .split(`\x22${String.fromCharCode(op.length)}${op}`).length - 1;

async function runBoth(outputs: Record<string, Node>): Promise<void> {
  const program = await onnxBackend({ threads: 1 }).compile(outputs);
  try {
    const got = await program.run(FEEDS);
    assert.deepEqual(Object.keys(got).sort(), Object.keys(outputs).sort());
    const want = evaluate(Object.values(outputs), FEEDS);
    for (const [i, name] of Object.keys(outputs).entries()) assertClose(got[name]!.data, want[i]!.data, 1e-6, name);
  } finally {
    await program.close();
  }
}

test("every value says its shape, open sizes by name", () => {
  const graph = new Graph();
  const rows = graph.symbol("rows");
  const x = input(graph, "x", [rows, 2, 3]);
  const flat = reshape(x, [rows * 2, 3]);
  const { bytes } = lowerToOnnx({ y: scale(neg(flat), 2) }, OPTIONS);
  const text = Buffer.from(bytes).toString("utf8");
  assert.equal(text.split("2·rows").length - 1, 3, "reshape, neg and the output");
});

describe("a product and the sum that uses it become one Gemm", () => {
  const cases: readonly (readonly [title: string, gemms: number, (i: Inputs, g: Graph) => Record<string, Node>])[] = [
    ["product first", 1, ({ a, b, c }) => ({ y: add(matMul(a, b), c) })],
    ["product second", 1, ({ a, b, c }) => ({ y: add(c, matMul(a, b)) })],
    [
      "transposed and scaled",
      1,
      ({ b, d }) => ({
        y: add(matMul(d, b, { transA: true, transB: true, alpha: 0.5 }), neg(matMul(d, b, { transB: true }))),
      }),
    ],
    ["two products: one of them", 1, ({ a, b, c, d }) => ({ y: add(matMul(a, b), matMul(c, d)) })],
    ["a chain", 2, ({ a, b, c, d }) => ({ y: add(matMul(a, b), add(matMul(c, d), c)) })],
    ["not where the product has two users", 0, ({ a, b, c }) => ({ y: mul(add(matMul(a, b), c), matMul(a, b)) })],
    ["not where the product is added to itself", 0, ({ a, b }) => ({ y: add(matMul(a, b), matMul(a, b)) })],
    ["not where the product is an output too", 0, ({ a, b, c }) => ({ y: add(matMul(a, b), c), p: matMul(a, b) })],
    ["a bias", 1, ({ a, b, row }) => ({ y: add(matMul(a, b), row) })],
    ["a bias and a sum", 1, ({ a, b, c, row }) => ({ y: add(add(row, matMul(a, b)), c) })],
    ["not where the product is broadcast", 0, ({ a, b, batched }) => ({ y: add(matMul(a, b), matMul(batched, b)) })],
    ["not for batched products", 0, ({ batched, b }) => ({ y: add(matMul(batched, b), neg(matMul(batched, b))) })],
    ["two sums of one addend", 2, ({ a, b, c }) => ({ y: add(matMul(a, b), c), z: add(matMul(a, scale(b, 2)), c) })],
  ];
  for (const [title, gemms, make] of cases) {
    test(title, async () => {
      const outputs = build(make);
      assert.equal(countOp(lowerToOnnx(outputs, OPTIONS).bytes, "Gemm"), gemms);
      await runBoth(outputs);
    });
  }
});

describe("outputs", () => {
  test("one value under two names", () =>
    runBoth(
      build(({ a, b }) => {
        const y = matMul(a, b);
        return { y, same: y };
      }),
    ));

  test("an input, a literal, and an output that another one is made from", () =>
    runBoth(
      build(({ c }, graph) => {
        const half = scale(c, 0.5);
        return { copy: c, literal: constant(graph, Float32Array.of(1, 2), [2]), half, quarter: scale(half, 0.5) };
      }),
    ));

  test("an input under its own name", () => runBoth(build(({ c }) => ({ c, y: neg(c) }))));

  test("names that look like generated ones", () =>
    runBoth(build(({ a, b }) => ({ "%0": matMul(a, b), v1: neg(b), c2: neg(a), "1": neg(neg(a)) }))));
});

describe("rmsInverse", () => {
  const inverse = (x: Node, eps = 1e-5): Node => apply(rmsInverseOp, [x], { eps });

  test("is the norm's second output, once", async () => {
    const outputs = build(({ c, row }) => ({ y: rmsNorm(c, row, 1e-5), r: inverse(c) }));
    const { bytes } = lowerToOnnx(outputs, OPTIONS);
    assert.equal(countOp(bytes, "Sqrt"), 0);
    await runBoth(outputs);
  });

  test("stands alone where no norm of this input and eps is needed", () =>
    runBoth(build(({ c, row }) => ({ r: inverse(c), y: rmsNorm(c, row, 1e-2) }))));

  test("may be older than the norm, and norms may share an input", () =>
    runBoth(
      build(({ c, row }) => {
        const r = inverse(c);
        return { r, y: rmsNorm(c, row, 1e-5), z: rmsNorm(c, scale(row, 2), 1e-5), after: mul(inverse(c), c) };
      }),
    ));
});

test("lowering is deterministic", () => {
  const make = () =>
    lowerToOnnx(
      build(({ a, b, c }, g) => ({ y: add(matMul(a, b), mul(c, scalar(g, 0.1))) })),
      OPTIONS,
    ).bytes;
  assert.deepEqual(make(), make());
});
