import assert from "node:assert/strict";
import { test } from "node:test";
import { GituneError } from "@gitune/core";
import { loadTfjs, restoreUtil } from "./load.js";

test("what newer versions of Node took out of node:util is put back", () => {
  const util: Parameters<typeof restoreUtil>[0] = {};
  restoreUtil(util);
  for (const value of [null, undefined]) assert.equal(util.isNullOrUndefined?.(value), true);
  for (const value of [0, "", false, Number.NaN]) assert.equal(util.isNullOrUndefined?.(value), false);
  assert.deepEqual([util.isArray?.([]), util.isArray?.({ length: 0 })], [true, false]);
});

test("the function that Node 22 still has stays", () => {
  const isNullOrUndefined = () => true;
  const util = { isNullOrUndefined };
  restoreUtil(util);
  assert.equal(util.isNullOrUndefined, isNullOrUndefined);
});

test("a native package that does not load is an issue with the command that mends it", async () => {
  const load = loadTfjs({ runtime: "tfjs-node-gpu", threads: 1 });
  await assert.rejects(load, (error) => {
    assert.ok(error instanceof GituneError, String(error));
    assert.equal(error.exitCode, 3);
    // The second where the addon is there, but no GPU.
    assert.match(error.issues[0]?.code ?? "", /^(engine\.missing|device\.unavailable)$/);
    assert.ok(error.issues[0]?.fix);
    return true;
  });
});
