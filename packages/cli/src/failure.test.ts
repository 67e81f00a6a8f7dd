import assert from "node:assert/strict";
import { test } from "node:test";
import { GituneError } from "@gitune/core";
import { describeFailure } from "./failure.js";

const calm = { debug: false, aborted: false };

test("a GituneError keeps its issues and its exit code", () => {
  const issue = { code: "config.unknown-key", severity: "error", message: "unknown key" } as const;
  assert.deepEqual(describeFailure(new GituneError(issue), calm), { exitCode: 2, issues: [issue] });
  assert.equal(describeFailure(new GituneError(issue, { exitCode: 1 }), calm).exitCode, 1);
});

test("a full disk is the machine's failure, also deep in the causes", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const failure = describeFailure(new Error("cannot write the adapter", { cause: full }), calm);
  assert.equal(failure.exitCode, 3);
  assert.equal(failure.issues[0]?.code, "machine.io");
  assert.match(failure.issues[0]?.message ?? "", /no space left/);
});

test("anything unknown is exit code 3, short, with a stack only when debugging", () => {
  const error = new TypeError("x is undefined");
  const failure = describeFailure(error, calm);
  assert.equal(failure.exitCode, 3);
  assert.equal(failure.stack, undefined);
  assert.match(describeFailure(error, { debug: true, aborted: false }).stack ?? "", /failure\.test/);
  assert.equal(describeFailure("a thrown string", calm).exitCode, 3);
});

test("after Ctrl-C it is the stop that is told, whatever broke on the way down", () => {
  const failure = describeFailure(new Error("session is closed"), { debug: false, aborted: true });
  assert.equal(failure.exitCode, 3);
  assert.equal(failure.issues[0]?.code, "cli.interrupted");
});
