import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gradients } from "../autodiff/grad.js";
import type { Backend } from "../backends/backend.js";
import { evaluate } from "../backends/reference/run.js";
import type { Node } from "../ir/node.js";
import { COMPOSITES, type CompositeName, OPS, PRIMITIVES, type PrimitiveName } from "../ops/table.js";
import { assertClose } from "./compare.js";
import { prepareCase, weightedSum } from "./op-case.js";
import { OP_CASES } from "./op-cases.js";
import { type WeightFixture, writeWeightFixture } from "./weight-fixture.js";

type AnyOp = PrimitiveName | CompositeName;

interface Tolerances {
  /** f32 against float64, relative to the largest value. */
  readonly all: number;
  /** Ops that need more; each with its reason beside it. */
  readonly looser: { readonly [K in AnyOp]?: number };
}

/** A handful of roundings, 6e-8 each. */
const ROUNDINGS = 1e-6;

const TOLERANCES = {
  onnx: {
    all: ROUNDINGS,
    looser: {
      softmax: 5e-5, // scores near 1000 have an absolute rounding of 6e-5 before the exponential
      attention: 1e-5, // scores of ±100 round to 8e-6
      headLoss: 5e-6, // logits of ±30 and 120
      log: 2e-6, // log near 1 loses digits by cancellation
    },
  },
  // Exact exponentials and logarithms: none of these needs more. The worst case seen is 4e-7.
  tfjs: { all: ROUNDINGS, looser: {} },
} as const satisfies Readonly<Record<string, Tolerances>>;

/** Tests of every op case and its gradients: what the backend computes is what the float64 reference computes. */
export function testParity(backend: Backend, kind: keyof typeof TOLERANCES): void {
  const { all, looser }: Tolerances = TOLERANCES[kind];
  let weights: WeightFixture;
  before(async () => {
    weights = await writeWeightFixture();
  });
  after(() => weights.remove());

  for (const op of Object.keys({ ...PRIMITIVES, ...COMPOSITES }) as AnyOp[]) {
    describe(`${op}: ${backend.name} agrees with reference`, () => {
      for (const one of OP_CASES[op]) {
        test(one.title, async () => {
          const { inputs, value, feeds, trainable } = prepareCase(op, one, weights);
          const outputs: Record<string, Node> = { value };
          if (OPS[op].vjp && trainable.length > 0 && value.dtype === "f32") {
            const wrt = trainable.map((name) => inputs[name]!);
            for (const [i, grad] of gradients(weightedSum(value), wrt).entries()) outputs[`d ${trainable[i]}`] = grad;
          }
          await compare(outputs);
          // Gradients alone: the forward value may then not be computed at all.
          const { value: _, ...grads } = outputs;
          if (Object.keys(grads).length > 0) await compare(grads);

          async function compare(wanted: Readonly<Record<string, Node>>): Promise<void> {
            const want = evaluate(Object.values(wanted), feeds);
            const program = await backend.compile(wanted);
            try {
              const got = await program.run(feeds);
              for (const [i, name] of Object.keys(wanted).entries()) {
                assert.deepEqual([...got[name]!.shape], [...want[i]!.shape], `${name}: shape`);
                assertClose(got[name]!.data, want[i]!.data, looser[op] ?? all, name);
              }
            } finally {
              await program.close();
            }
          }
        });
      }
    });
  }
}
