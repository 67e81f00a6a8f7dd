import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GituneError, InternalError } from "@gitune/core";
import { gradients } from "../autodiff/grad.js";
import { evaluate, type ReferenceFeeds } from "../backends/reference/run.js";
import { verifyGraph } from "../ir/verify.js";
import { assertClose } from "../testing/compare.js";
import { type PreparedCase, prepareCase, weightedSum } from "../testing/op-case.js";
import { OP_CASES } from "../testing/op-cases.js";
import { type WeightFixture, writeWeightFixture } from "../testing/weight-fixture.js";
import { cast } from "./elementwise.js";
import { COMPOSITES, type CompositeName, PRIMITIVES, type PrimitiveName } from "./table.js";

/** Step of the central differences: its error is h²·f'''/6 ~ 1e-10, the rounding's 1e-16/h ~ 1e-11. */
const STEP = 1e-5;
/** Everything is float64 but the graph's literals (0.5, 1/d …), which are f32: 6e-8. */
const TOLERANCE = 2e-7;
/** Ops whose differences are worse, with the reason. */
const LOOSER: { readonly [K in PrimitiveName | CompositeName]?: number } = {
  log: 1e-4, // the third derivative is 2/x³, 2e9 at x = 1e-3, where the gradient is 1e3
  rmsNorm: 5e-6, // one case has an rms of 3e-3, only 300 steps wide
  attention: 2e-6, // scores of ±100 in one case: f''' grows with the cube of their scale
  headLoss: 1e-6, // the same, for logits of ±30
};

const DEFS = { ...PRIMITIVES, ...COMPOSITES };
const NAMES = Object.keys(DEFS) as (PrimitiveName | CompositeName)[];

let weights: WeightFixture;
before(async () => {
  weights = await writeWeightFixture();
});
after(() => weights.remove());

for (const op of NAMES.filter((name) => DEFS[name].vjp !== null && !("isStraightThrough" in DEFS[name]))) {
  describe(`${op}: its gradient is that of central differences`, () => {
    // Cases of integers or frozen values, and those that the table gives a reason for, are checked by value in parity.test.ts.
    const differentiable = OP_CASES[op].filter(
      (one) => !one.skipDifferences && Object.values(one.inputs).some(({ hasGradient }) => hasGradient),
    );
    for (const one of differentiable) {
      test(one.title, () => checkGradients(prepareCase(op, one, weights), LOOSER[op] ?? TOLERANCE));
    }
    test("some case checks it", () => assert.ok(differentiable.length > 0));
  });
}

function checkGradients({ inputs, value, feeds, trainable }: PreparedCase, tolerance: number): void {
  const loss = weightedSum(value);
  const nodes = trainable.map((name) => inputs[name]!);
  const together = gradients(loss, nodes);
  verifyGraph(together);
  const results = evaluate(together, feeds);
  for (const [i, name] of trainable.entries()) {
    const want = differences(name);
    assertClose(results[i]!.data, want, tolerance, `d ${name}`);
    // The rule may take another way where no other operand needs a gradient.
    const [alone] = evaluate(gradients(loss, [nodes[i]!]), feeds);
    assertClose(alone!.data, want, tolerance, `d ${name} alone`);
  }

  function differences(name: string): Float64Array {
    const { data, shape } = feeds[name]!;
    const base = Float64Array.from(data as Float32Array);
    const at = (i: number, delta: number): number => {
      const moved = base.slice();
      moved[i]! += delta;
      const fed: ReferenceFeeds = { ...feeds, [name]: { data: moved, shape } };
      return evaluate([loss], fed)[0]!.data[0]!;
    };
    return base.map((_, i) => (at(i, STEP) - at(i, -STEP)) / (2 * STEP));
  }
}

for (const op of NAMES.filter((name) => DEFS[name].vjp === null)) {
  test(`${op}: differentiating through it is an internal error`, () => {
    const tried = OP_CASES[op].filter((one) => {
      const { inputs, value, trainable } = prepareCase(op, one, weights);
      const x = Object.values(inputs)[0];
      if (!x) return false;
      const loss = weightedSum(value.dtype === "f32" ? value : cast(value, "f32"));
      const throws = () => gradients(loss, trainable.length > 0 ? trainable.map((name) => inputs[name]!) : [x]);
      assert.throws(throws, (error) => error instanceof InternalError && /has no gradient/.test(error.message));
      return true;
    });
    assert.ok(tried.length > 0);
  });
}

describe("operands that are constants by design", () => {
  for (const op of NAMES.filter((name) => DEFS[name].vjp !== null && !("isStraightThrough" in DEFS[name]))) {
    for (const one of OP_CASES[op]) {
      const frozen = Object.entries(one.inputs).filter(([, { dtype, hasGradient }]) => dtype === "f32" && !hasGradient);
      if (frozen.length === 0 || !(op in COMPOSITES || op === "rope")) continue;
      test(`${op}, ${one.title}: ${frozen.map(([name]) => name).join(", ")} cannot be trained silently`, () => {
        const { inputs, value } = prepareCase(op, one, weights);
        for (const [name] of frozen) {
          const throws = () => gradients(weightedSum(value), [inputs[name]!]);
          assert.throws(throws, (error) => {
            assert.ok(error instanceof InternalError && !(error instanceof GituneError));
            assert.match(error.message, new RegExp(`^internal: ${op} .*no gradient for its source \\d`));
            return true;
          });
        }
      });
    }
  }
});
