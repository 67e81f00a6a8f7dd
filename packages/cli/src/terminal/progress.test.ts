import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Pace } from "./pace.js";
import { lineProgress, progressLine } from "./progress.js";
import { colorsFor } from "./streams.js";

const event = { phase: "train", done: 12, total: 40, unit: "steps", detail: { loss: 2.1 } };

test("a line says phase, count, share and details", () => {
  assert.equal(progressLine(event), "train: 12/40 steps (30%), loss 2.1");
  assert.equal(progressLine({ phase: "read", done: 7, total: 0, unit: "rows" }), "read: 7/0 rows");
});

test("what is left is told from the pace since the phase's first event, not from what a resumed run had done", () => {
  const pace = new Pace();
  assert.equal(pace.secondsLeft({ ...event, done: 10 }, 1000), null);
  assert.equal(pace.secondsLeft({ ...event, done: 12 }, 5000), 56);
  assert.equal(pace.secondsLeft({ ...event, done: 40 }, 6000), null);
  assert.equal(pace.secondsLeft({ ...event, phase: "evaluate", done: 39 }, 7000), null);
  assert.equal(progressLine(event, 56), "train: 12/40 steps (30%), 56.0 s left, loss 2.1");
});

test("lines come at intervals, not with every event, and end with stop", async () => {
  const lines: string[] = [];
  const display = lineProgress((line) => lines.push(line), 40);
  for (let done = 0; done < 10; done++) display.onProgress({ ...event, done });
  assert.deepEqual(lines, []);
  await sleep(100);
  assert.ok(lines.length >= 1 && lines.length <= 2, String(lines.length));
  assert.match(lines[0] ?? "", /^train: 9\/40 steps \(22%\), \d+ ms left, loss 2\.1$/);
  display.stop();
  const count = lines.length;
  await sleep(80);
  assert.equal(lines.length, count);
});

test("NO_COLOR wins over FORCE_COLOR, which wins over the stream", () => {
  assert.equal(colorsFor({ isTTY: true }, {}).isColorSupported, true);
  assert.equal(colorsFor({ isTTY: true }, { TERM: "dumb" }).isColorSupported, false);
  assert.equal(colorsFor({ isTTY: true }, { NO_COLOR: "1" }).isColorSupported, false);
  assert.equal(colorsFor({ isTTY: true }, { NO_COLOR: "" }).isColorSupported, true);
  assert.equal(colorsFor({}, {}).isColorSupported, false);
  assert.equal(colorsFor({}, { FORCE_COLOR: "1" }).isColorSupported, true);
  assert.equal(colorsFor({}, { FORCE_COLOR: "1", NO_COLOR: "1" }).isColorSupported, false);
});
