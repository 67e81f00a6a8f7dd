import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type JobState, renderProgress } from "./render-progress.js";

const at = (time: string) => new Date(`2026-01-01T${time}:00Z`);
const running: JobState = {
  status: "in_progress",
  conclusion: null,
  startedAt: at("14:02").toISOString(),
  completedAt: null,
  lostStep: "Run",
  hasRunner: true,
};

describe("the comment while a job runs", () => {
  for (const [name, lastBeat, now, said] of [
    ["says since when", null, "14:30", "running since 14:02 UTC"],
    [
      "says when its training last gave a sign of life",
      "14:29",
      "14:30",
      "running since 14:02 UTC, last sign of life 14:29 UTC",
    ],
    ["says that it is silent", "14:29", "14:40", "⚠️ silent since 14:29 UTC: its machine may be lost"],
  ] as const) {
    it(name, () => {
      const leg = { id: 1, projects: "a" };
      const state = { leg, job: running, lastBeat: lastBeat === null ? null : at(lastBeat) };
      assert.ok(renderProgress("running", null, [state], at(now)).endsWith(`| a | ${said} |`));
    });
  }
});
