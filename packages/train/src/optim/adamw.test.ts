import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Feeds } from "../backends/backend.js";
import { onnxBackend } from "../backends/onnx/session.js";
import { evaluate } from "../backends/reference/run.js";
import { Graph } from "../ir/node.js";
import { assertClose } from "../testing/compare.js";
import { uniform } from "../testing/random.js";
import { type AdamWOptions, adamW, packHyper } from "./adamw.js";

const SIZE = 6;
const OPTIONS: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 0 };
const HYPER = { learningRate: 0.01, correction1: 1 - 0.9 ** 3, correction2: 1 - 0.999 ** 3 };

type Vectors = { readonly [K in "theta" | "m" | "v" | "grad" | "decay"]: Float32Array };

const VECTORS: Vectors = {
  theta: uniform("theta", SIZE),
  m: uniform("m", SIZE, -0.1, 0.1),
  v: uniform("v", SIZE, 0, 0.1),
  grad: uniform("grad", SIZE),
  decay: Float32Array.of(1, 1, 1, 0, 0, 0),
};

const feedsOf = (vectors: Vectors): Feeds => ({
  ...Object.fromEntries(Object.entries(vectors).map(([name, data]) => [name, { data, shape: [SIZE] }])),
  hyper: { data: packHyper(HYPER), shape: [3] },
});

function stepOn(vectors: Vectors, options: AdamWOptions) {
  const outputs = adamW(new Graph(), SIZE, options);
  const values = evaluate([outputs.newTheta, outputs.newM, outputs.newV, outputs.gradNorm], feedsOf(vectors));
  const [theta, m, v, norm] = values.map(({ data }) => [...data]) as [number[], number[], number[], number[]];
  return { theta, m, v, norm: norm[0]! };
}

/** torch.optim.AdamW's single-tensor step, in float64. */
function expected(
  { theta, m, v, grad, decay }: Vectors,
  { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
  factor: number,
) {
  const { learningRate, correction1, correction2 } = HYPER;
  const newM = [...m].map((old, i) => beta1 * old + (1 - beta1) * grad[i]! * factor);
  const newV = [...v].map((old, i) => beta2 * old + (1 - beta2) * (grad[i]! * factor) ** 2);
  const newTheta = [...theta].map((old, i) => {
    const denominator = Math.sqrt(newV[i]!) / Math.sqrt(correction2) + epsilon;
    return old * (1 - learningRate * weightDecay * decay[i]!) - ((learningRate / correction1) * newM[i]!) / denominator;
  });
  return { theta: newTheta, m: newM, v: newV };
}

const norm = (values: Float32Array): number => Math.hypot(...values);

describe("adamW", () => {
  const cases: readonly (readonly [title: string, options: AdamWOptions, factor: number])[] = [
    ["no clipping", OPTIONS, 1],
    ["clipped", { ...OPTIONS, maxGradNorm: 0.5 }, 0.5 / (norm(VECTORS.grad) + 1e-6)],
    ["below the limit", { ...OPTIONS, maxGradNorm: 1000 }, 1],
    ["no decay", { ...OPTIONS, weightDecay: 0 }, 1],
  ];
  for (const [title, options, factor] of cases) {
    test(`${title}: as torch.optim.AdamW and clip_grad_norm_`, async () => {
      const got = stepOn(VECTORS, options);
      const want = expected(VECTORS, options, factor);
      // Constants and hyper-parameters are f32 in the graph.
      for (const name of ["theta", "m", "v"] as const) assertClose(got[name], want[name], 2e-7, name);
      assert.ok(Math.abs(got.norm - norm(VECTORS.grad)) < 1e-12, "the norm is that before clipping");

      const program = await onnxBackend({ threads: 1 }).compile({ ...adamW(new Graph(), SIZE, options) });
      const out = await program.run(feedsOf(VECTORS));
      await program.close();
      assertClose(out["newTheta"]!.data, want.theta, 1e-6, "theta on onnx");
    });
  }

  test("a zero gradient changes nothing but by decay and momentum, and nothing is NaN", () => {
    const zero = new Float32Array(SIZE);
    const still = stepOn({ ...VECTORS, m: zero, v: zero, grad: zero }, { ...OPTIONS, weightDecay: 0, maxGradNorm: 1 });
    assert.deepEqual(still.theta, [...VECTORS.theta]);
    assert.equal(still.norm, 0);
    const decayed = stepOn({ ...VECTORS, m: zero, v: zero, grad: zero }, OPTIONS);
    assert.deepEqual(decayed.theta.slice(3), [...VECTORS.theta.slice(3)]);
    for (const [i, value] of decayed.theta.slice(0, 3).entries()) {
      assert.ok(Math.abs(value) < Math.abs(VECTORS.theta[i]!), "decayed towards 0");
    }
  });
});
