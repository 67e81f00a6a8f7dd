import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { chooseToken, processLogits, type SampleOptions, uniformAt } from "./sample.js";

/** packages/train/test/golden/sampling/PROVENANCE.md */
const golden = JSON.parse(
  readFileSync(new URL("../../test/golden/sampling/logits-processors.json", import.meta.url), "utf8"),
) as {
  readonly seen: readonly number[];
  readonly cases: readonly {
    readonly logits: readonly number[];
    readonly options: SampleOptions;
    readonly scores: readonly (number | null)[];
  }[];
};
const plain: SampleOptions = { temperature: 1, topP: 1, topK: 0, repetitionPenalty: 1 };

describe("logits come out as transformers' processors leave them", () => {
  for (const { logits, options, scores } of golden.cases) {
    test(JSON.stringify(options), () => {
      const got = Float32Array.from(logits);
      processLogits(got, golden.seen, options);
      for (const [id, score] of scores.entries()) {
        if (score === null) assert.equal(got[id], -Infinity, `token ${id} is left out`);
        else assert.ok(Math.abs(got[id]! - score) <= 1e-6 * Math.abs(score), `token ${id}: ${got[id]} for ${score}`);
      }
    });
  }
});

test("greedy takes the likeliest, the lower id of two, and knows the penalty alone", () => {
  const logits = Float32Array.of(1, 4, 4, -2);
  const greedy = { ...plain, temperature: 0, topK: 1, topP: 0.1 };
  processLogits(logits, [], greedy);
  assert.deepEqual([...logits], [1, 4, 4, -2]);
  assert.equal(chooseToken(logits, null), 1);
  processLogits(logits, [1, 1, 3], { ...greedy, repetitionPenalty: 2 });
  assert.deepEqual([...logits], [1, 2, 4, -4]);
  assert.equal(chooseToken(logits, null), 2);
});

test("tokens are drawn as often as their probability says, those left out never", () => {
  const logits = Float32Array.of(Math.log(0.5), -Infinity, Math.log(0.3), Math.log(0.2));
  const counts = [0, 0, 0, 0];
  const draws = 20_000;
  for (let step = 0; step < draws; step++) counts[chooseToken(logits, uniformAt(1, 2, step))]! += 1;
  for (const [id, share] of [0.5, 0, 0.3, 0.2].entries()) {
    // Five standard deviations.
    assert.ok(Math.abs(counts[id]! / draws - share) <= 5 * Math.sqrt((share * (1 - share)) / draws), `token ${id}`);
  }
});

test("top-k and top-p of a large vocabulary keep what sorting all of it would", () => {
  const logits = Float32Array.from({ length: 5000 }, (_, i) => 6 * Math.sin(i * 12.9898 + 78.233) ** 3);
  const sorted = [...logits].sort((a, b) => b - a);
  const top = Float32Array.from(logits);
  processLogits(top, [], { ...plain, topK: 321 });
  assert.deepEqual(
    [...top],
    [...logits].map((logit) => (logit >= sorted[320]! ? logit : -Infinity)),
  );
  const nucleus = Float32Array.from(logits);
  processLogits(nucleus, [], { ...plain, topP: 0.7 });
  const total = sorted.reduce((sum, logit) => sum + Math.exp(logit), 0);
  let mass = 0;
  const kept = sorted.filter((logit) => {
    const stays = mass < 0.7 * total;
    mass += Math.exp(logit);
    return stays;
  });
  assert.equal(nucleus.filter((logit) => logit > -Infinity).length, kept.length);
});

test("draws are spread evenly, and differ by seed, row and step", () => {
  const draws = Array.from({ length: 1000 }, (_, i) => uniformAt(i % 10, Math.floor(i / 10) % 10, Math.floor(i / 100)));
  assert.equal(new Set(draws).size, 1000);
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  assert.ok(Math.abs(mean - 0.5) < 5 * Math.sqrt(1 / 12 / 1000), `mean ${mean}`);
});
