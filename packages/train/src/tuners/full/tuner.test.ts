import assert from "node:assert/strict";
import { test } from "node:test";
import { llamaTensors } from "../../models/llama/tensors.js";
import { VARIED } from "../../testing/tiny-base.js";
import { fullTuner } from "./tuner.js";

test("a random model starts with norms of 1, biases of 0 and small maps; only maps decay", () => {
  const tuner = fullTuner(llamaTensors(VARIED), null);
  let salt = 0;
  const theta = tuner.initialize(() => (salt++ * 0.618034) % 1);
  const decay = tuner.decayMask();
  const kinds = new Set<string>();
  for (const { name, offset, size, shape } of tuner.tensors) {
    const values = theta.subarray(offset, offset + size);
    const kind = name.endsWith("norm.weight") ? "norm" : name.endsWith(".bias") ? "bias" : "map";
    kinds.add(kind);
    if (kind === "map")
      assert.ok(values.some((value) => value !== 0) && values.every((value) => Math.abs(value) < 0.2));
    else assert.deepEqual(new Set(values), new Set([kind === "norm" ? 1 : 0]), name);
    assert.deepEqual(new Set(decay.subarray(offset, offset + size)), new Set([kind === "map" ? 1 : 0]), name);
    assert.equal(shape.length, kind === "map" ? 2 : 1);
  }
  assert.equal(kinds.size, 3);
});
