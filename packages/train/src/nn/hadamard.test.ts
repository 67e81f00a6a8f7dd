import assert from "node:assert/strict";
import { test } from "node:test";
import { assertClose } from "../testing/compare.js";
import { uniform } from "../testing/random.js";
import { rotateRows, rotationBlock, rotationMatrix } from "./hadamard.js";

test("the block is the largest power of two up to 64 that divides the width, and 16 at least", () => {
  assert.deepEqual([576, 1536, 2048, 96, 80, 48].map(rotationBlock), [64, 64, 64, 32, 16, 16]);
  assert.deepEqual([40, 12, 7].map(rotationBlock), [null, null, null]);
});

for (const size of [16, 32, 64]) {
  test(`R of ${size} is orthogonal, and what rotateRows multiplies with`, () => {
    const r = rotationMatrix(size);
    const rows = uniform("rows", 3 * size * 2);
    const want = Float32Array.from(rows, (_, at) => {
      const [start, column] = [Math.floor(at / size) * size, at % size];
      let sum = 0;
      for (let k = 0; k < size; k++) sum += rows[start + k]! * r[k * size + column]!;
      return sum;
    });
    const rotated = rows.slice();
    rotateRows(rotated, size);
    assertClose(rotated, want, 1e-6, "rotated");
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let dot = 0;
        for (let k = 0; k < size; k++) dot += r[i * size + k]! * r[j * size + k]!;
        assert.ok(Math.abs(dot - (i === j ? 1 : 0)) < 1e-6);
      }
    }
  });
}

test("what stands out in one column is spread over its block", () => {
  const row = Float32Array.from({ length: 64 }, (_, i) => (i === 9 ? 64 : 0));
  rotateRows(row, 64);
  assert.ok(row.every((value) => Math.abs(value) === 8));
});
