import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate } from "../backends/reference/run.js";
import { Graph, type Node } from "../ir/node.js";
import { scale } from "../ops/elementwise.js";
import { input } from "../ops/leaf.js";
import { assertClose } from "../testing/compare.js";
import { uniform } from "../testing/random.js";
import { linear } from "./linear.js";
import { f32Product, type Params } from "./params.js";
import { ropeAngles } from "./rope-table.js";
import { keyMask, MASKED, rowMask } from "./row-mask.js";

const [ROWS, IN, OUT, RANK] = [3, 4, 5, 2];
const SHAPES = { x: [ROWS, IN], w: [OUT, IN], bias: [OUT], residual: [ROWS, OUT], a: [RANK, IN], b: [OUT, RANK] };
type Name = keyof typeof SHAPES;
const DATA = Object.fromEntries(
  Object.entries(SHAPES).map(([name, [m, n = 1]]) => [name, uniform(name, m! * n)]),
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

interface Run {
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly update?: boolean;
  readonly dropout?: number;
}

function run({ bias = false, residual = false, update = false, dropout = 1 }: Run): number[] {
  const graph = new Graph();
  const node = (name: Name): Node => input(graph, name, SHAPES[name]);
  const asked: string[] = [];
  const tensor: Params["tensor"] = (name, shape) => {
    asked.push(name);
    const kind = name === "layer.bias" ? "bias" : "w";
    assert.deepEqual(shape, SHAPES[kind]);
    return node(kind);
  };
  const params: Params = {
    tensor,
    product: f32Product(tensor),
    update: (module) => {
      assert.equal(module, "layer");
      if (!update) return null;
      return { a: node("a"), b: node("b"), scale: 1.5, dropout: (x) => scale(x, dropout) };
    },
  };
  const y = linear(params, "layer", node("x"), OUT, { bias, ...(residual ? { residual: node("residual") } : {}) });
  assert.deepEqual(asked, ["layer.weight", ...(bias ? ["layer.bias"] : [])]);
  const feeds = Object.fromEntries(
    Object.entries(DATA).map(([name, data]) => [name, { data, shape: SHAPES[name as Name] }]),
  );
  return [...evaluate([y], feeds)[0]!.data];
}

test("linear: x Wᵀ, with a bias, with a residual, with a low-rank update, dropout on the update's input only", () => {
  const base = timesTransposed(DATA.x, DATA.w, IN);
  const low = timesTransposed(timesTransposed(DATA.x, DATA.a, IN), DATA.b, RANK);
  const residual = base.map((value, i) => value + DATA.residual[i]!);
  const biased = residual.map((value, i) => value + DATA.bias[i % OUT]!);
  assertClose(run({}), base, 1e-12, "plain");
  assertClose(run({ residual: true }), residual, 1e-12, "residual");
  assertClose(run({ bias: true, residual: true }), biased, 1e-12, "bias");
  const updated = residual.map((value, i) => value + 1.5 * low[i]!);
  assertClose(run({ update: true, residual: true }), updated, 1e-12, "update");
  const dropped = base.map((value, i) => value + 1.5 * 0.5 * low[i]!);
  assertClose(run({ update: true, dropout: 0.5 }), dropped, 1e-12, "dropout");
});

test("ropeAngles: position / theta^(2i/d), cosine and sine, times yarn's attention factor", () => {
  const yarn = { factor: 1, originalPositions: 64, betaFast: 32, betaSlow: 1, truncate: true, attentionFactor: 1.25 };
  for (const ropeScaling of [null, { type: "yarn" as const, ...yarn }]) {
    const { positions, cos, sin } = ropeAngles(4, 6, { ropeTheta: 10_000, ropeScaling });
    assert.deepEqual([positions, cos.length, sin.length], [4, 12, 12]);
    const want = (f: (angle: number) => number) =>
      Array.from(cos, (_, at) => f(Math.floor(at / 3) / 10_000 ** ((2 * (at % 3)) / 6)) * (ropeScaling ? 1.25 : 1));
    assertClose(cos, want(Math.cos), 2e-7, "cos");
    assertClose(sin, want(Math.sin), 2e-7, "sin");
  }
});

test("rowMask: a query looks at its own row up to itself, in a lane of three rows and one of padding", () => {
  const graph = new Graph();
  const mask = rowMask(input(graph, "index", [4]), input(graph, "starts", [2, 4]), null);
  const [values] = evaluate([mask], {
    index: { data: Float32Array.of(0, 1, 2, 3), shape: [4] },
    starts: { data: Float32Array.of(0, 0, 2, 3, 0, 0, 0, 0), shape: [2, 4] },
  });
  const open = Array.from(values!.data, (value) => (value === 0 ? 1 : value === MASKED ? 0 : Number.NaN));
  assert.deepEqual(values!.shape, [2, 4, 4]);
  assert.deepEqual(open.slice(0, 16), [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  assert.deepEqual(open.slice(16), [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1]);
});

test("rowMask and keyMask: of a row's keys a query sees its own and the window - 1 before it", () => {
  const graph = new Graph();
  const index = input(graph, "index", [5]);
  const within = rowMask(index, input(graph, "starts", [1, 5]), 2);
  const overCache = keyMask(input(graph, "positions", [2, 2]), input(graph, "keys", [2, 5]), 2);
  const values = evaluate([within, overCache], {
    index: { data: Float32Array.of(0, 1, 2, 3, 4), shape: [5] },
    starts: { data: Float32Array.of(0, 0, 0, 0, 4), shape: [1, 5] },
    positions: { data: Float32Array.of(3, 4, 1, 2), shape: [2, 2] },
    // Keys 0..2 and two of the pass; key 0, two places without one, and two of the pass.
    keys: { data: Float32Array.of(0, 1, 2, 3, 4, 0, 99, 99, 1, 2), shape: [2, 5] },
  });
  const open = values.map(({ data }) =>
    Array.from(data, (value) => (value === 0 ? 1 : value === MASKED ? 0 : Number.NaN)),
  );
  const rows = [
    [1, 0, 0, 0, 0],
    [1, 1, 0, 0, 0],
    [0, 1, 1, 0, 0],
    [0, 0, 1, 1, 0],
    [0, 0, 0, 0, 1],
  ];
  assert.deepEqual(open[0], rows.flat());
  assert.deepEqual(values[1]!.shape, [2, 2, 5]);
  const cached = [
    [0, 0, 1, 1, 0],
    [0, 0, 0, 1, 1],
    [1, 0, 0, 1, 0],
    [0, 0, 0, 1, 1],
  ];
  assert.deepEqual(open[1], cached.flat());
});
