import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Backend } from "../../backends/backend.js";
import { onnxBackend } from "../../backends/onnx/session.js";
import { referenceBackend } from "../../backends/reference/run.js";
import { tfjsBackend } from "../../backends/tfjs/session.js";
import { verifyGraph } from "../../ir/verify.js";
import { expandComposites } from "../../passes/expand-composites.js";
import { assertClose, relativeL2 } from "../../testing/compare.js";
import {
  GOLDEN_CASES,
  type GoldenName,
  goldenTrainingGraph,
  readGolden,
  runGolden,
} from "../../testing/llama-golden.js";

/** f32 on both sides, sums in another order. */
const TOLERANCE = {
  loss: 1e-5,
  /** ‖got − want‖ / ‖want‖, each tensor by itself. */
  gradient: 1e-4,
  /** Of what three steps changed: where a gradient is near 0, AdamW's quotient m/√v turns its rounding into a step. */
  change: 1e-3,
};

const CASES: readonly { readonly backend: Backend; readonly names: readonly GoldenName[] }[] = [
  { backend: onnxBackend({ threads: 1 }), names: GOLDEN_CASES },
  { backend: tfjsBackend({ runtime: "tfjs-wasm", threads: 1 }), names: GOLDEN_CASES },
  // Slow: one case is enough, since op by op the two agree (backends/onnx/parity.test.ts).
  { backend: referenceBackend, names: ["tied/lora-qv"] },
];

for (const { backend, names } of CASES) {
  describe(`a 2-layer Llama on ${backend.name} trains as in PyTorch and PEFT`, () => {
    for (const name of names) {
      test(name, async () => {
        const golden = await readGolden(name);
        const run = await runGolden(golden, backend);
        for (const [i, loss] of golden.losses.entries()) {
          assertRelative(run.losses[i]!, loss, TOLERANCE.loss, `loss before step ${i + 1}`);
        }
        for (const [i, norm] of golden.gradNorms.entries()) {
          assertRelative(run.gradNorms[i]!, norm, TOLERANCE.gradient, `gradient norm of step ${i + 1}`);
        }
        for (const [i, tensor] of golden.trained.entries()) {
          const end = golden.trained[i + 1]?.offset ?? golden.size;
          const part = (vector: Float32Array) => vector.subarray(tensor.offset, end);
          const gradient = relativeL2(part(run.firstGrad), part(golden.grad));
          assert.ok(gradient <= TOLERANCE.gradient, `gradient of ${tensor.name}: off by ${gradient}`);
          if (!golden.after) continue;
          const change = (after: Float32Array) => part(after).map((value, j) => value - part(golden.start)[j]!);
          const error = relativeL2(change(run.after), change(golden.after));
          assert.ok(error <= TOLERANCE.change, `${tensor.name} after three steps: off by ${error}`);
        }
        if (golden.after) assertClose(run.after, golden.after, 1e-4, "theta");
      });
    }
  });
}

test("the training graphs are well-formed before and after lowering", async () => {
  for (const name of GOLDEN_CASES) {
    const { loss, grad } = goldenTrainingGraph(await readGolden(name));
    verifyGraph([loss, grad]);
    verifyGraph(expandComposites([loss, grad]), { lowered: true });
  }
});

function assertRelative(got: number, want: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(got - want) <= tolerance * Math.abs(want), `${what}: ${got}, wanted ${want}`);
}
