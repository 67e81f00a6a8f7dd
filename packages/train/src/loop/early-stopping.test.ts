import assert from "node:assert/strict";
import { test } from "node:test";
import type { EvalRecord } from "./checkpoint.js";
import { standingOf } from "./early-stopping.js";
import { isEvalDue } from "./eval-schedule.js";

const evals = (...losses: number[]): EvalRecord[] => losses.map((loss, at) => ({ step: at + 1, loss, seconds: 0 }));

test("the best is the first of the lowest", () => {
  assert.deepEqual(standingOf([], null), { best: null, isStopped: false });
  assert.equal(standingOf(evals(3, 2, 2, 4), null).best?.step, 2);
});

test("patience counts validations without a new best, and starts again with one", () => {
  const patience = { patience: 2, minDelta: 0 };
  const stopped = (...losses: number[]) => standingOf(evals(...losses), patience).isStopped;
  assert.deepEqual(
    [stopped(3), stopped(3, 4), stopped(3, 4, 3), stopped(3, 4, 2.9, 3), stopped(3, 4, 2.9, 3, 3)],
    [false, false, true, false, true],
  );
});

test("less than min_delta is no new best for patience, but the lowest is still the best", () => {
  const standing = standingOf(evals(3, 2.95, 2.92, 2.95), { patience: 3, minDelta: 0.1 });
  assert.deepEqual([standing.isStopped, standing.best?.step], [true, 3]);
  // Small gains that add up are a gain: what counts is the distance to the last mark.
  assert.equal(standingOf(evals(3, 2.94, 2.88, 2.82), { patience: 3, minDelta: 0.1 }).isStopped, false);
});

test("a validation is due every so many steps, else after each epoch, and always at the end", () => {
  const plan = { stepsPerEpoch: 5, totalSteps: 12 };
  const due = (evalSteps: number | null) =>
    Array.from({ length: 13 }, (_, step) => step).filter((step) => isEvalDue(step, evalSteps, plan));
  assert.deepEqual(due(4), [4, 8, 12]);
  assert.deepEqual(due(null), [5, 10, 12]);
});
