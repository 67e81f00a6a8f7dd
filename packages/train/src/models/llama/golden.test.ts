import { describe, test } from "node:test";
import type { Backend } from "../../backends/backend.js";
import { onnxBackend } from "../../backends/onnx/session.js";
import { referenceBackend } from "../../backends/reference/run.js";
import { tfjsBackend } from "../../backends/tfjs/session.js";
import { verifyGraph } from "../../ir/verify.js";
import { expandComposites } from "../../passes/expand-composites.js";
import { assertTrainsAs } from "../../testing/assert-trains-as.js";
import { GOLDEN_CASES, type GoldenName, goldenTrainingGraph, readGolden } from "../../testing/llama-golden.js";

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
        await assertTrainsAs(await readGolden(name), backend);
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
