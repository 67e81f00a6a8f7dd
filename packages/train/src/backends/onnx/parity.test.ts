import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gradients } from "../../autodiff/grad.js";
import type { Node } from "../../ir/node.js";
import { COMPOSITES, type CompositeName, OPS, PRIMITIVES, type PrimitiveName } from "../../ops/table.js";
import { assertClose } from "../../testing/compare.js";
import { prepareCase, weightedSum } from "../../testing/op-case.js";
import { OP_CASES } from "../../testing/op-cases.js";
import { type WeightFixture, writeWeightFixture } from "../../testing/weight-fixture.js";
import { evaluate } from "../reference/run.js";
import { onnxBackend } from "./session.js";

/** f32 against float64, relative to the largest value: a handful of roundings (6e-8 each). */
const TOLERANCE = 1e-6;
/** Ops that need more, with the reason. */
const LOOSER: { readonly [K in PrimitiveName | CompositeName]?: number } = {
  softmax: 5e-5, // scores near 1000 have an absolute rounding of 6e-5 before the exponential
  attention: 1e-5, // scores of ±100 round to 8e-6
  headLoss: 5e-6, // logits of ±30 and 120
  log: 2e-6, // log near 1 loses digits by cancellation
};

let weights: WeightFixture;
before(async () => {
  weights = await writeWeightFixture();
});
after(() => weights.remove());

for (const op of Object.keys({ ...PRIMITIVES, ...COMPOSITES }) as (PrimitiveName | CompositeName)[]) {
  describe(`${op}: onnx agrees with reference`, () => {
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
          const program = await onnxBackend({ threads: 1 }).compile(wanted);
          try {
            const got = await program.run(feeds);
            for (const [i, name] of Object.keys(wanted).entries()) {
              assert.deepEqual([...got[name]!.shape], [...want[i]!.shape], `${name}: shape`);
              assertClose(got[name]!.data, want[i]!.data, LOOSER[op] ?? TOLERANCE, name);
            }
          } finally {
            await program.close();
          }
        }
      });
    }
  });
}
