import assert from "node:assert/strict";
import { test } from "node:test";
import { GituneError, InternalError } from "@gitune/core";
import { gradients } from "../autodiff/grad.js";
import { add, addOp, mul, sigmoid } from "../ops/elementwise.js";
import { constant, input, scalar, weight } from "../ops/leaf.js";
import { matMul } from "../ops/matmul.js";
import { reshape } from "../ops/movement.js";
import { sumAll } from "../ops/reduce.js";
import { swiglu } from "../ops/swiglu.js";
import { Graph, type Node, topologicalOrder } from "./node.js";
import { printGraph } from "./print.js";
import { verifyGraph } from "./verify.js";

const internal = (message: RegExp) => (error: unknown) => error instanceof InternalError && message.test(error.message);

test("the same op on the same sources with the same attributes is the same node", () => {
  const graph = new Graph();
  const [a, b] = [input(graph, "a", [2, 3]), input(graph, "b", [2, 3])];
  assert.equal(add(a, b), add(a, b));
  assert.equal(input(graph, "a", [2, 3]), a);
  assert.equal(scalar(graph, 0.5), scalar(graph, 0.5));
  assert.equal(matMul(a, b, { transB: true }), matMul(a, b, { transB: true, alpha: 1 }));
  const before = graph.nodes.length;
  mul(sigmoid(add(a, b)), a);
  mul(sigmoid(add(a, b)), a);
  assert.equal(graph.nodes.length, before + 2);
});

test("what differs anywhere is another node", () => {
  const graph = new Graph();
  const [a, b] = [input(graph, "a", [2, 2]), input(graph, "b", [2, 2])];
  const nodes = [
    add(a, b),
    add(b, a),
    mul(a, b),
    matMul(a, b),
    matMul(a, b, { transA: true }),
    matMul(a, b, { alpha: 2 }),
    reshape(a, [4]),
    reshape(a, [1, 4]),
    constant(graph, Float32Array.of(1), []),
    constant(graph, Float32Array.of(1), [1]),
    constant(graph, BigInt64Array.of(1n), []),
    constant(graph, Float32Array.of(0), []),
    constant(graph, Float32Array.of(-0), []),
  ];
  assert.equal(new Set(nodes).size, nodes.length);
  assert.notEqual(input(new Graph(), "a", [2, 2]), a);
});

test("a name stands for one tensor only", () => {
  const graph = new Graph();
  const at = { file: "/model.safetensors", offset: 64, length: 24 };
  const w = weight(graph, "w", [2, 3], "f32", at);
  assert.equal(weight(graph, "w", [2, 3], "f32", { ...at }), w);
  assert.throws(() => weight(graph, "w", [6], "f32", at), internal(/weight w is f32\[2, 3\] and f32\[6\]/));
  assert.throws(
    () => weight(graph, "w", [2, 3], "f32", { ...at, offset: 128 }),
    internal(/weight w lies in two places/),
  );
  input(graph, "x", [2]);
  assert.throws(() => input(graph, "x", [2], "i64"), internal(/input x is f32\[2\] and i64\[2\]/));
});

test("nodes are frozen, and know their scope", () => {
  const graph = new Graph();
  const x = graph.scope("layers.0", () => graph.scope("mlp", () => sigmoid(input(graph, "x", [2]))));
  assert.equal(x.scope, "layers.0/mlp");
  assert.equal(sigmoid(x).scope, "");
  assert.throws(() => Object.assign(x, { dtype: "i64" }), TypeError);
  assert.throws(() => Object.assign(x.shape, [3]), TypeError);
  assert.throws(
    () =>
      graph.scope("broken", () => {
        throw new RangeError("inside");
      }),
    RangeError,
  );
  assert.equal(sigmoid(sigmoid(x)).scope, "");
});

test("sources of another graph are refused", () => {
  const [a, b] = [input(new Graph(), "a", [2]), input(new Graph(), "a", [2])];
  assert.throws(
    () => add(a, b),
    (error) => error instanceof GituneError && /add: source %0 belongs to another graph/.test(error.message),
  );
});

test("a constant's data must fill its shape", () => {
  assert.throws(() => constant(new Graph(), Float32Array.of(1, 2), [3]), GituneError);
});

test("topologicalOrder: sources first, each once, only what the outputs need", () => {
  const graph = new Graph();
  const x = input(graph, "x", [2]);
  const y = sigmoid(x);
  input(graph, "unused", [2]);
  const z = mul(add(y, x), y);
  assert.deepEqual(topologicalOrder([z, y]), [x, y, add(y, x), z]);
});

test("verifyGraph accepts what ops build, and names a forged node", () => {
  const graph = new Graph();
  const [a, b] = [input(graph, "a", [2, 3]), input(graph, "b", [3])];
  const sum = graph.scope("block", () => add(a, b));
  verifyGraph([sumAll(sum)]);

  const forge = (changes: Partial<Node>): Node => ({ ...sum, ...changes });
  const says = (node: Node, message: RegExp) => assert.throws(() => verifyGraph([node]), internal(message));
  says(forge({ shape: [3, 2] }), /%2 add in block: is f32\[3, 2\], its rule says f32\[2, 3\]/);
  says(forge({ dtype: "i64" }), /%2 add in block: is i64/);
  says(forge({ id: 0 }), /%0 add in block: source %0 is younger/);
  says(forge({ src: [input(new Graph(), "a", [2, 3]), b] }), /source %0 is of another graph/);
  says(
    forge({ src: [], def: { ...addOp, infer: () => ({ shape: [-1], dtype: "f32" }) }, shape: [-1] }),
    /bad shape \[-1\]/,
  );

  const composite = swiglu(a, sum);
  verifyGraph([composite]);
  assert.throws(() => verifyGraph([composite], { lowered: true }), internal(/swiglu: a composite is left/));
});

test("printGraph: a line a node, numbered by use", () => {
  const graph = new Graph();
  input(graph, "unused", [9]);
  const x = input(graph, "x", [2, 3]);
  const w = weight(graph, "w", [4, 3], "f32", { file: "/model.safetensors", offset: 0, length: 48 });
  const loss = sumAll(mul(matMul(x, w, { transB: true, alpha: 0.5 }), scalar(graph, 3)));
  const [grad] = gradients(loss, [w]);
  assert.equal(
    printGraph([loss, grad!]),
    `%0 = input(name=x) : f32[2, 3]
%1 = weight(name=w) : f32[4, 3]
%2 = matMul(%0, %1, transA=false, transB=true, alpha=0.5) : f32[2, 4]
%3 = constant(name=3) : f32[]
%4 = mul(%2, %3) : f32[2, 4]
%5 = sum(%4, axes=[0,1]) : f32[1, 1]
%6 = reshape(%5) : f32[]
%7 = constant(name=1) : f32[]
%8 = reshape(%7) : f32[1, 1]
%9 = expand(%8) : f32[2, 4]
%10 = mul(%9, %3) : f32[2, 4]
%11 = matMul(%10, %0, transA=true, transB=false, alpha=0.5) : f32[4, 3]
return %6, %11`,
  );
  const long = constant(graph, new Float32Array(100), [100]);
  assert.match(printGraph([long]), /^%0 = constant\(name=[0,]{45}\.\.\.\) : f32\[100\]\nreturn %0$/);
});
