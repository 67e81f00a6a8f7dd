import assert from "node:assert/strict";
import { test } from "node:test";
import { InternalError } from "@gitune/core";
import fc from "fast-check";
import { onnxBackend } from "../backends/onnx/session.js";
import { referenceBackend } from "../backends/reference/run.js";
import { mul } from "../ops/elementwise.js";
import { input } from "../ops/leaf.js";
import { concat, expand, reshape, slice, transpose } from "../ops/movement.js";
import { sum, sumLast } from "../ops/reduce.js";
import { bindSymbols, readSizes } from "../passes/bind-symbols.js";
import { assertClose } from "../testing/compare.js";
import { uniform } from "../testing/random.js";
import { Graph, type Node } from "./node.js";
import { formatSize, Symbols } from "./symbol.js";
import { verifyGraph } from "./verify.js";

test("products are known by their factors, sums by their declaration, and all else is a plain number", () => {
  const symbols = new Symbols();
  const [batch, length] = [symbols.declare("batch"), symbols.declare("length")];
  assert.equal(symbols.declare("batch"), batch);
  assert.deepEqual(symbols.parse(3 * batch * length), { factor: 3, symbols: ["batch", "length"], plus: 0 });
  assert.deepEqual(symbols.parse(length * length), { factor: 1, symbols: ["length", "length"], plus: 0 });
  assert.deepEqual(symbols.parse(symbols.declareSum("length", 1)), { factor: 1, symbols: ["length"], plus: 1 });
  for (const plain of [0, 1, 576, 49_152, 151_936, 128_256]) assert.equal(symbols.parse(plain), null);
  const sizes = { batch: 4, length: 7 };
  assert.deepEqual(symbols.resolveShape([3 * batch * length, 64, length + 1], sizes), [84, 64, 8]);
  assert.equal(formatSize(symbols.parse(3 * batch * length)!), "3·batch·length");
  assert.equal(formatSize(symbols.parse(length + 1)!), "length+1");
});

test("no symbol divides a size that is to be avoided", () => {
  const taken = new Symbols().declare("batch");
  assert.notEqual(new Symbols([taken * 5]).declare("batch"), taken);
});

test("sizes are read off the shapes fed, and contradictions are found", () => {
  const symbols = new Symbols();
  const [batch, length] = [symbols.declare("batch"), symbols.declare("length")];
  const declared = [
    { name: "ids", declared: [batch, length], real: [2, 5] },
    { name: "flat", declared: [batch * length, 3], real: [10, 3] },
  ];
  assert.deepEqual(symbols.bind(declared), { batch: 2, length: 5 });
  const wrong = [...declared.slice(0, 1), { name: "flat", declared: [batch * length, 3], real: [11, 3] }];
  assert.throws(() => symbols.bind(wrong), InternalError);
  assert.throws(() => symbols.bind(declared.slice(1)), /not bound/);
});

/** Every way a size can enter an op. */
function build(): Record<string, Node> {
  const graph = new Graph([6]);
  const [batch, length] = [graph.symbol("batch"), graph.symbol("length")];
  const x = input(graph, "x", [batch, length, 6]);
  const more = input(graph, "more", [batch, graph.symbols.declareSum("length", 1)]);
  const flat = reshape(x, [batch * length, 6]);
  const heads = transpose(reshape(flat, [batch, length, 2, 3]), [0, 2, 1, 3]);
  const grouped = reshape(heads, [batch, 1, 2 * length, 3]);
  const row = reshape(input(graph, "row", [length]), [1, length, 1]);
  return {
    flat,
    grouped,
    back: reshape(transpose(heads, [0, 2, 1, 3]), [batch * length, 6]),
    rows: expand(row, [batch, length, 6]),
    product: mul(x, row),
    sums: reshape(sum(x, [0, 2]), [length]),
    longer: concat([reshape(sumLast(x), [batch, length]), slice(more, 1, 0, 1)], 1),
    last: slice(more, 1, length, length + 1),
    allButLast: slice(more, 1, 0, length),
  };
}

test("one compiled graph gives what a graph of plain sizes gives, for any sizes (property)", async () => {
  const outputs = build();
  const open = await onnxBackend({ threads: 1 }).compile(outputs);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70 }), async (batch, length) => {
      const tensor = (name: string, shape: readonly number[]) => ({
        data: uniform(
          `${name}${shape}`,
          shape.reduce((a, b) => a * b, 1),
        ),
        shape,
      });
      const feeds = {
        x: tensor("x", [batch, length, 6]),
        more: tensor("more", [batch, length + 1]),
        row: tensor("row", [length]),
      };
      const bound = bindSymbols(Object.values(outputs), readSizes(Object.values(outputs), feeds));
      verifyGraph(bound);
      const closed = await referenceBackend.compile(
        Object.fromEntries(Object.keys(outputs).map((name, i) => [name, bound[i]!])),
      );
      const [got, want] = [await open.run(feeds), await closed.run(feeds)];
      for (const [name, tensor] of Object.entries(want)) {
        assert.deepEqual(got[name]!.shape, tensor.shape, name);
        assertClose(got[name]!.data as Float32Array, tensor.data as Float32Array, 1e-5, name);
      }
    }),
    { numRuns: 25 },
  );
  await open.close();
});
