import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ApiStep, findLostStep } from "./lost-step.js";

/** Of a leg: `name conclusion`, `name in_progress` or `name pending`. */
const steps = (...lines: readonly string[]): readonly ApiStep[] =>
  ["Set up job:success", ...lines].map((line) => {
    const [name = "", word = ""] = line.split(":");
    const isOver = word !== "in_progress" && word !== "pending";
    return { name, status: isOver ? "completed" : word, conclusion: isOver ? word : null };
  });

describe("the step in which a machine went away", () => {
  for (const [said, conclusion, found, name] of [
    [
      "it stays in progress, the rest is pending",
      "failure",
      steps("Run:in_progress", "Keep the result:pending", "Post Get it:pending"),
      "Run",
    ],
    ["it stays in progress, and GitHub has not noted the job's end", null, steps("Run:in_progress"), "Run"],
    [
      "it is cancelled, and no cleanup ran; the job has failed",
      "failure",
      steps("Run:cancelled", "Keep the result:skipped", "Post Get it:skipped", "Complete job:success"),
      "Run",
    ],
    [
      "it is cancelled, and no cleanup ran; the job is cancelled too",
      "cancelled",
      steps("Run:cancelled", "Keep the result:skipped", "Post Get it:skipped"),
      "Run",
    ],
    ["between two steps", "failure", steps("Beat:success", "Run:pending", "Post Get it:pending"), "Run"],
    ["not of a job that was cancelled", "cancelled", steps("Run:cancelled", "Post Get it:success"), null],
    ["not of a step that failed", "failure", steps("Run:failure", "Post Get it:success"), null],
    ["not of one that failed with all that followed", "failure", steps("Run:failure", "Post Get it:skipped"), null],
    ["not of a job without cleanup that was cancelled", "cancelled", steps("Run:cancelled", "Keep:skipped"), null],
    ["not of a job that no runner took", "cancelled", [], null],
    ["not of one that is over", "success", steps("Run:success", "Post Get it:success"), null],
  ] as const) {
    it(said, () => assert.equal(findLostStep(conclusion, found), name));
  }
});
