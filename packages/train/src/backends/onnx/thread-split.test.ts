import assert from "node:assert/strict";
import { test } from "node:test";
import { isSplitWide, mostThreads } from "./thread-split.js";

test("the most threads that leave each more than 64 columns, in blocks of 16", () => {
  assert.deepEqual([16, 64, 65, 159, 160, 576, 2048].map(mostThreads), [1, 1, 1, 2, 2, 7, 25]);
});

test("a product is split wide as long as every part has more than 64 columns", () => {
  assert.ok(!isSplitWide(64, 1));
  assert.ok(isSplitWide(65, 1));
  assert.ok(isSplitWide(576, 7));
  // 36 blocks for 8 threads: four of them get 4 blocks, which are 64 columns.
  assert.ok(!isSplitWide(576, 8));
});
