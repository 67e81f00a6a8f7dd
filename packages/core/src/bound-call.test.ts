import assert from "node:assert/strict";
import { test } from "node:test";
import { boundCall } from "./bound-call.js";

test("a call that does not end is stopped", () => {
  const call = boundCall(
    () => {
      for (;;);
    },
    () => new Error("too slow"),
  );
  assert.throws(call, /too slow/);
});

test("one that the machine did not let run gets another try", () => {
  let calls = 0;
  const call = boundCall(
    (word: string) => {
      calls += 1;
      // As a process that is not scheduled: time goes by, and nothing is computed.
      if (calls === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return word;
    },
    () => new Error("too slow"),
  );
  assert.equal(call("done"), "done");
  assert.equal(calls, 2);
});
