import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate } from "../backends/reference/run.js";
import { Graph, type Node } from "../ir/node.js";
import { scale } from "../ops/elementwise.js";
import { input } from "../ops/leaf.js";
import { assertClose } from "../testing/compare.js";
import { uniform } from "../testing/random.js";
import { linear } from "./linear.js";
import type { Params } from "./params.js";
import { ropeAngles } from "./rope-table.js";
import { MASKED, rowMask } from "./row-mask.js";

const [ROWS, IN, OUT, RANK] = [3, 4, 5, 2];
const SHAPES = { x: [ROWS, IN], w: [OUT, IN], residual: [ROWS, OUT], a: [RANK, IN], b: [OUT, RANK] };
type Name = keyof typeof SHAPES;
const DATA = Object.fromEntries(
  Object.entries(SHAPES).map(([name, [m, n]]) => [name, uniform(name, m! * n!)]),
) as Record<Name, Float32Array>;

/** x yᵀ, plain. */
function timesTransposed(x: ArrayLike<number>, y: ArrayLike<number>, inner: number): number[] {
  return Array.from({ length: x.length / inner }, (_, i) =>
    Array.from({ length: y.length / inner }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += x[i * inner + k]! * y[j * inner + k]!;
      return sum;
    }),
  ).flat();
}

function run(options: { readonly update: boolean; readonly residual: boolean; readonly dropout?: number }): number[] {
  const graph = new Graph();
  const node = (name: Name): Node => input(graph, name, SHAPES[name]);
  const asked: string[] = [];
  const params: Params = {
    tensor: (name, shape) => {
      asked.push(name);
      assert.deepEqual(shape, SHAPES.w);
      return node("w");
    },
    update: (module) => {
      assert.equal(module, "layer");
      if (!options.update) return null;
      return { a: node("a"), b: node("b"), scale: 1.5, dropout: (x) => scale(x, options.dropout ?? 1) };
    },
  };
  const y = linear(params, "layer", node("x"), OUT, options.residual ? node("residual") : undefined);
  assert.deepEqual(asked, ["layer.weight"]);
  const feeds = Object.fromEntries(
    Object.entries(DATA).map(([name, data]) => [name, { data, shape: SHAPES[name as Name] }]),
  );
  return [...evaluate([y], feeds)[0]!.data];
}

test("linear: x Wᵀ, with a residual, with a low-rank update, dropout on the update's input only", () => {
  const base = timesTransposed(DATA.x, DATA.w, IN);
  const low = timesTransposed(timesTransposed(DATA.x, DATA.a, IN), DATA.b, RANK);
  const residual = base.map((value, i) => value + DATA.residual[i]!);
  assertClose(run({ update: false, residual: false }), base, 1e-12, "plain");
  assertClose(run({ update: false, residual: true }), residual, 1e-12, "residual");
  const updated = residual.map((value, i) => value + 1.5 * low[i]!);
  assertClose(run({ update: true, residual: true }), updated, 1e-12, "update");
  const dropped = base.map((value, i) => value + 1.5 * 0.5 * low[i]!);
  assertClose(run({ update: true, residual: false, dropout: 0.5 }), dropped, 1e-12, "dropout");
});

test("ropeAngles: position / theta^(2i/d), cosine and sine", () => {
  const { positions, cos, sin } = ropeAngles(4, 6, 10_000);
  assert.deepEqual([positions, cos.length, sin.length], [4, 12, 12]);
  for (let position = 0; position < 4; position++) {
    for (let i = 0; i < 3; i++) {
      const angle = position / 10_000 ** ((2 * i) / 6);
      assert.equal(cos[position * 3 + i], Math.fround(Math.cos(angle)));
      assert.equal(sin[position * 3 + i], Math.fround(Math.sin(angle)));
    }
  }
});

test("rowMask: a query looks at its own row up to itself, in a lane of three rows and one of padding", () => {
  const graph = new Graph();
  const mask = rowMask(input(graph, "index", [4]), input(graph, "starts", [2, 4]));
  const [values] = evaluate([mask], {
    index: { data: Float32Array.of(0, 1, 2, 3), shape: [4] },
    starts: { data: Float32Array.of(0, 0, 2, 3, 0, 0, 0, 0), shape: [2, 4] },
  });
  const open = Array.from(values!.data, (value) => (value === 0 ? 1 : value === MASKED ? 0 : Number.NaN));
  assert.deepEqual(values!.shape, [2, 4, 4]);
  assert.deepEqual(open.slice(0, 16), [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  assert.deepEqual(open.slice(16), [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1]);
});
