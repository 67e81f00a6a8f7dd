import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createRandom } from "../data/random.js";
import { LossSpikeDetector } from "./loss-spike.js";

const CURVES = JSON.parse(
  readFileSync(new URL("../../test/golden/loss-curves/curves.json", import.meta.url), "utf8"),
) as Readonly<Record<"healthy" | "diverging", Readonly<Record<string, readonly number[]>>>>;

/** @returns the step (from 1) at which the first spike begins, or 0 */
function spikeIn(losses: readonly number[], factor = 2): number {
  const detector = new LossSpikeDetector(factor);
  for (const [at, loss] of losses.entries()) {
    const spike = detector.push(loss);
    if (spike !== null) return at + 1 - spike.stepsAgo;
  }
  return 0;
}

const repeat = (loss: number, count: number): number[] => Array.from({ length: count }, () => loss);

/** Losses with lognormal noise, as small batches have it, and a share of odd rows whose loss is eightfold. */
function noisy(level: (step: number) => number, sigma: number, oddShare: number, seed: number): number[] {
  const random = createRandom(seed);
  const uniform = () => (random.uint32() + 0.5) / 2 ** 32;
  return Array.from({ length: 400 }, (_, step) => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return level(step) * Math.exp(sigma * normal) * (uniform() < oddShare ? 8 : 1);
  });
}

describe("LossSpikeDetector", () => {
  it("finds nothing in curves of real runs", () => {
    for (const [name, losses] of Object.entries(CURVES.healthy)) {
      assert.ok(losses.length >= 100, name);
      assert.equal(spikeIn(losses), 0, name);
    }
  });

  it("finds where real runs break", () => {
    for (const [name, losses] of Object.entries(CURVES.diverging)) {
      const at = spikeIn(losses);
      assert.ok(at > 20, `${name}: ${at}`);
      const before = losses.slice(at - 21, at - 1).reduce((sum, loss) => sum + loss, 0) / 20;
      for (const loss of losses.slice(at - 1, at + 4))
        assert.ok(loss > 1.5 * before, `${name}: ${loss} after ${before}`);
    }
  });

  it("finds nothing in noise, whatever its size, flat or falling, nor in odd rows", () => {
    const levels = [() => 1.5, (step: number) => 0.05 + 3 * Math.exp(-step / 40)];
    for (const sigma of [0.02, 0.2, 0.6, 1]) {
      for (const level of levels) {
        for (let seed = 1; seed <= 3; seed++) {
          assert.equal(spikeIn(noisy(level, sigma, 0, seed)), 0, `${sigma}, seed ${seed}`);
          assert.equal(spikeIn(noisy(level, sigma, 0.03, seed)), 0, `odd rows, ${sigma}, seed ${seed}`);
        }
      }
    }
  });

  it("finds five steps in a row above factor, noise and half a nat", () => {
    const calm = noisy(() => 1, 0.05, 0, 7).slice(0, 60);
    assert.equal(spikeIn([...calm, ...repeat(2.3, 5)]), 61);
    assert.equal(spikeIn([...calm, ...repeat(2.3, 4), 1, ...repeat(2.3, 4)]), 0);
    assert.equal(spikeIn([...calm, ...repeat(1.9, 50)]), 0, "below the factor");
    assert.equal(spikeIn([...calm, ...repeat(2.3, 5)], 3), 0, "below a larger factor");
    assert.equal(spikeIn([...calm, ...repeat(99, 50)], 0), 0, "off");
    assert.equal(spikeIn([...repeat(0.01, 60), ...repeat(0.4, 50)]), 0, "small, even so");
    assert.equal(spikeIn([...calm.slice(0, 10), ...repeat(9, 30)]), 0, "too early to tell");
  });

  it("says when it began and what was before", () => {
    const detector = new LossSpikeDetector(2);
    for (const loss of [...repeat(2, 30), ...repeat(50, 4)]) assert.equal(detector.push(loss), null);
    assert.deepEqual(detector.push(60), { stepsAgo: 4, before: 2 });
  });

  it("takes losses of 0", () => {
    assert.equal(spikeIn([...repeat(1, 40), ...repeat(0, 60), ...repeat(0.4, 9)]), 0);
  });
});
