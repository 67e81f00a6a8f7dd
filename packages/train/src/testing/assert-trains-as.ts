import assert from "node:assert/strict";
import type { Backend } from "../backends/backend.js";
import { assertClose, relativeL2 } from "./compare.js";
import { type GoldenCase, runGolden } from "./llama-golden.js";

/** f32 on both sides, sums in another order. */
const TOLERANCE = {
  loss: 1e-5,
  /** ‖got − want‖ / ‖want‖, each tensor by itself. */
  gradient: 1e-4,
  /** Of what three steps changed: where a gradient is near 0, AdamW's quotient m/√v turns its rounding into a step. */
  change: 1e-3,
};

/** Three AdamW steps on a backend give PyTorch's losses, gradients and tensors. */
export async function assertTrainsAs(golden: GoldenCase, backend: Backend): Promise<void> {
  const run = await runGolden(golden, backend);
  for (const [i, loss] of golden.losses.entries()) {
    assertRelative(run.losses[i]!, loss, TOLERANCE.loss, `loss before step ${i + 1}`);
  }
  for (const [i, norm] of golden.gradNorms.entries()) {
    assertRelative(run.gradNorms[i]!, norm, TOLERANCE.gradient, `gradient norm of step ${i + 1}`);
  }
  for (const { name, offset, size, grad } of golden.trained) {
    const part = (vector: Float32Array) => vector.subarray(offset, offset + size);
    if (grad) {
      const error = relativeL2(part(run.firstGrad), grad);
      assert.ok(error <= TOLERANCE.gradient, `gradient of ${name}: off by ${error}`);
    }
    if (!golden.after) continue;
    const change = (after: Float32Array) => part(after).map((value, j) => value - part(golden.start)[j]!);
    const error = relativeL2(change(run.after), change(golden.after));
    assert.ok(error <= TOLERANCE.change, `${name} after three steps: off by ${error}`);
  }
  if (golden.after) assertClose(run.after, golden.after, 1e-4, "theta");
}

function assertRelative(got: number, want: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(got - want) <= tolerance * Math.abs(want), `${what}: ${got}, wanted ${want}`);
}
