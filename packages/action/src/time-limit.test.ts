import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { timeLimit } from "./time-limit.js";

const MINUTE_MS = 60_000;

describe("timeLimit", () => {
  for (const [name, timeout, elapsed, stop, end] of [
    ["leaves ten minutes of a long job", 360, 4, 346, 351],
    ["leaves a tenth of a short one", 20, 0, 18, 19],
    ["stops at once where the time is up", 20, 25, 0.01, 1.01],
  ] as const) {
    it(name, () => {
      const { stopMinutes, endMinutes } = timeLimit(timeout, 0, elapsed * MINUTE_MS);
      assert.deepEqual([stopMinutes, endMinutes], [stop, end]);
    });
  }
});
