import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InternalError } from "@gitune/core";
import { evaluate } from "../backends/reference/run.js";
import { Graph, type Node, topologicalOrder } from "../ir/node.js";
import { add, exp, maximum, mul, scale } from "../ops/elementwise.js";
import { gatherRows } from "../ops/gather.js";
import { input, scalar } from "../ops/leaf.js";
import { matMul } from "../ops/matmul.js";
import { rmsNorm } from "../ops/norm.js";
import { argMax, sumAll } from "../ops/reduce.js";
import { goldenTrainingGraph, readGolden } from "../testing/llama-golden.js";
import { gradients } from "./grad.js";

const vector = (...values: number[]) => ({ data: Float64Array.from(values), shape: [values.length] });
const valuesOf = (node: Node, feeds: Parameters<typeof evaluate>[1]): number[] => [...evaluate([node], feeds)[0]!.data];

describe("accumulation", () => {
  test("a value with several users gets the sum of their gradients", () => {
    const graph = new Graph();
    const x = input(graph, "x", [2]);
    const y = mul(x, x); // x² + 3x + x³
    const loss = sumAll(add(add(y, scale(x, 3)), mul(y, x)));
    const [grad] = gradients(loss, [x]);
    const at = (value: number) => 2 * value + 3 + 3 * value ** 2;
    assert.deepEqual(valuesOf(grad!, { x: vector(2, -1.5) }), [at(2), at(-1.5)]);
  });

  test("a broadcast operand gets the sum over what it was repeated to", () => {
    const graph = new Graph();
    const [x, row] = [input(graph, "x", [2, 3]), input(graph, "row", [3])];
    const [grad] = gradients(sumAll(add(mul(x, row), row)), [row]);
    const data = Float64Array.of(1, 2, 3, 10, 20, 30);
    assert.deepEqual(valuesOf(grad!, { x: { data, shape: [2, 3] }, row: vector(0, 0, 0) }), [13, 24, 35]);
  });

  test("the loss by itself is 1; by a node twice, the same node twice", () => {
    const graph = new Graph();
    const x = input(graph, "x", []);
    const loss = exp(x);
    const [byLoss, byX, again] = gradients(loss, [loss, x, x]);
    assert.equal(byLoss, scalar(graph, 1));
    assert.equal(byX, again);
  });

  test("by a value and by what it is made of: both are total derivatives", () => {
    const graph = new Graph();
    const x = input(graph, "x", []);
    const y = mul(x, x);
    const loss = mul(y, x);
    const [byY, byX] = gradients(loss, [y, x]);
    const feeds = { x: { data: Float64Array.of(2), shape: [] } };
    assert.deepEqual([...valuesOf(byY!, feeds), ...valuesOf(byX!, feeds)], [2, 12]);
  });
});

describe("nothing is built below the first trainable tensor", () => {
  test("frozen layers below and beside it cost no node", () => {
    const graph = new Graph();
    const names = ["frozen below", "trained", "frozen above"];
    const [w1, w2, w3] = names.map((name) => input(graph, name, [4, 4])) as [Node, Node, Node];
    const norm = input(graph, "norm", [4]);
    let x = input(graph, "x", [3, 4]);
    for (const w of [w1, w2, w3]) x = matMul(rmsNorm(x, norm, 1e-5), w, { transB: true });
    const loss = sumAll(x);
    const before = graph.nodes.length;
    const [grad] = gradients(loss, [w2]);
    const built = graph.nodes.slice(before).map(({ def }) => def.name);
    const used = topologicalOrder([grad!]).map(({ def }) => def.name);
    const count = (names: readonly string[], name: string) => names.filter((item) => item === name).length;
    // dX of the upper product and dW of the trained one.
    assert.equal(count(built, "matMul"), 2);
    // One norm lies between them; its weight is frozen.
    assert.equal(count(built, "rmsInverse"), 1);
    assert.equal(count(used, "rmsInverse"), 1);
    assert.ok(!topologicalOrder([grad!]).some((node) => node.id >= before && node.src.includes(w1)));
    // Seed 3, two products, and 10 of the norm's rule for its input.
    assert.equal(built.length, 15, built.join(" "));
  });

  test("LoRA on q and v: no gradient of the embedding, the norms or the frozen matrices", async () => {
    const lora = topologicalOrder([goldenTrainingGraph(await readGolden("tied/lora-qv")).grad]);
    const full = topologicalOrder([goldenTrainingGraph(await readGolden("tied/full")).grad]);
    const count = (nodes: readonly Node[], name: string) => nodes.filter(({ def }) => def.name === name).length;
    const intoVocabulary = (nodes: readonly Node[]) =>
      nodes.filter(({ def, shape }) => def.name === "scatterAddRows" && shape[0] === 96).length;
    assert.equal(intoVocabulary(lora), 0);
    assert.equal(intoVocabulary(full), 2); // the head's labels and the embedded tokens
    // dX leaves out the first layer's input norm: it is below the first trained tensor.
    assert.equal(count(lora, "rmsInverse"), 4);
    assert.equal(count(full, "rmsInverse"), 5);
  });

  test("operands that need no gradient cost no node in a product", () => {
    const graph = new Graph();
    const [a, b] = [input(graph, "a", [2, 3]), input(graph, "b", [3, 2])];
    const loss = sumAll(matMul(a, b));
    const [grad] = gradients(loss, [b]);
    assert.equal(topologicalOrder([grad!]).filter(({ src }) => src.includes(b)).length, 0);
  });
});

describe("what cannot be differentiated says so", () => {
  const says = (build: () => unknown, message: RegExp) =>
    assert.throws(build, (error) => error instanceof InternalError && message.test(error.message));

  test("a loss that is no scalar", () => {
    const x = input(new Graph(), "x", [2]);
    says(() => gradients(exp(x), [x]), /exp \(%1\) is no scalar but \[2\]/);
  });

  test("a tensor that the loss does not depend on", () => {
    const graph = new Graph();
    const [x, other] = [input(graph, "x", []), input(graph, "model.norm.weight", [4])];
    says(() => gradients(exp(x), [x, other]), /the loss does not depend on %1 model\.norm\.weight/);
  });

  test("an op without a gradient on the way, with its place", () => {
    const graph = new Graph();
    const x = input(graph, "x", [2]);
    const loss = graph.scope("loss", () => sumAll(maximum(x, scalar(graph, 0))));
    says(() => gradients(loss, [x]), /maximum \(%2 in loss\) has no gradient/);
  });

  test("an op without a gradient beside the way is no matter", () => {
    const graph = new Graph();
    const [x, y] = [input(graph, "x", [2]), input(graph, "y", [2])];
    gradients(sumAll(mul(x, maximum(y, scalar(graph, 0)))), [x]);
  });

  test("an index made from the trained tensor passes nothing on", () => {
    const graph = new Graph();
    const table = input(graph, "table", [3, 2]);
    const [grad] = gradients(sumAll(gatherRows(table, argMax(table))), [table]);
    const feeds = { table: { data: Float64Array.of(0, 1, 5, 2, 3, 4), shape: [3, 2] } };
    assert.deepEqual(valuesOf(grad!, feeds), [1, 1, 2, 2, 0, 0]);
  });
});
