import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { it } from "node:test";
import type { Schedule } from "@gitune/core";
import { learningRateAt } from "./schedule.js";

interface Golden {
  readonly schedule: Schedule;
  readonly totalSteps: number;
  readonly warmupRatio: number;
  readonly learningRate: number;
  readonly rates: readonly number[];
}

it("gives transformers' learning rates", async () => {
  const url = new URL("../../test/golden/schedule/golden.json", import.meta.url);
  const golden = JSON.parse(await readFile(url, "utf8")) as Golden[];
  assert.equal(golden.length, 12);
  for (const run of golden) {
    for (const [step, rate] of run.rates.entries()) {
      const difference = Math.abs(learningRateAt(run, step, run.totalSteps) - rate);
      // The two cosines may differ in the last bit.
      assert.ok(difference <= 1e-19, `${run.schedule} ${step}/${run.totalSteps}: ${difference}`);
    }
  }
});
