import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_SIGNS } from "./github.js";
import { describeLostLeg } from "./lost-legs.js";
import type { JobState } from "./progress/render-progress.js";

const ended = (conclusion: string, lostStep: string | null = null, hasRunner = true): JobState => ({
  status: "completed",
  conclusion,
  startedAt: null,
  completedAt: null,
  lostStep,
  hasRunner,
});
const at = (time: string) => new Date(`2026-01-01T${time}:00Z`);

describe("a job that left no result", () => {
  for (const [job, signs, said] of [
    [null, NO_SIGNS, "its job never began"],
    [ended("cancelled", null, false), NO_SIGNS, 'no machine took its job, which ended as "cancelled"'],
    [ended("cancelled"), NO_SIGNS, "its job was cancelled, or ran out of time, and left no result"],
    [
      ended("failure"),
      { ...NO_SIGNS, beat: at("14:32") },
      'its job ended as "failure", and left no result; last sign of life 14:32 UTC',
    ],
    [
      ended("failure", "Run"),
      { beat: at("14:32"), checkpoint: at("14:30") },
      'its machine was lost in the step "Run"; last sign of life 14:32 UTC; the checkpoint of 14:30 UTC is kept',
    ],
  ] as const) {
    it(said, () => assert.equal(describeLostLeg(job, signs), said));
  }
});
