import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mix32 } from "../data/random.js";
import { DropoutMask } from "./dropout.js";
import { DropoutFeeds, dropoutInput } from "./dropout-feeds.js";

const TOKENS = 512;
const WIDTH = 1024;

const seedsOf = (salt: number): Int32Array => Int32Array.from({ length: TOKENS }, (_, i) => mix32(salt * 7919 + i));

function maskOf(rate: number, salt = 1, stream = 0, width = WIDTH): Uint8Array {
  const out = new Uint8Array(TOKENS * width);
  new DropoutMask(seedsOf(salt), rate).fill(out, width, stream);
  return out;
}

const dropped = (mask: Uint8Array): number => mask.reduce((sum, kept) => sum + 1 - kept, 0);

/** Standard deviations between a count of successes and its expectation. */
const deviation = (count: number, trials: number, rate: number): number =>
  (count - trials * rate) / Math.sqrt(trials * rate * (1 - rate));

/** How often both masks drop, in standard deviations from what independence gives. */
function jointDeviation(a: Uint8Array, b: Uint8Array, rate: number): number {
  const both = a.reduce((sum, kept, i) => sum + (1 - kept) * (1 - b[i]!), 0);
  return deviation(both, a.length, rate * rate);
}

// Seeds are fixed, so nothing here fails by chance: 4 standard deviations is p = 6e-5.
const BOUND = 4;

describe("dropout", () => {
  // 0.1 and 0.001 lie between multiples of 1/256, which a byte alone could not meet; past a half, another rule compares.
  for (const rate of [0.001, 0.05, 0.1, 0.25, 0.5, 0.501, 0.9, 0.999]) {
    it(`drops ${rate} of all values, of each token's, and of each column's`, () => {
      const mask = maskOf(rate);
      assert.ok(mask.every((kept) => kept === 0 || kept === 1));
      assert.ok(Math.abs(deviation(dropped(mask), mask.length, rate)) < BOUND);
      // Chi-squared over tokens, and over columns: its mean is the number of them, its variance twice that.
      const chi = (counts: Float64Array, trials: number) =>
        (counts.reduce((sum, count) => sum + deviation(count, trials, rate) ** 2, 0) - counts.length) /
        Math.sqrt(2 * counts.length);
      const [tokens, columns] = [new Float64Array(TOKENS), new Float64Array(WIDTH)];
      for (const [i, kept] of mask.entries()) {
        tokens[Math.floor(i / WIDTH)]! += 1 - kept;
        columns[i % WIDTH]! += 1 - kept;
      }
      assert.ok(Math.abs(chi(tokens, WIDTH)) < BOUND, `tokens ${chi(tokens, WIDTH)}`);
      assert.ok(Math.abs(chi(columns, TOKENS)) < BOUND, `columns ${chi(columns, TOKENS)}`);
    });
  }

  it("drops a value whatever becomes of its neighbours, of other tokens, modules and steps", () => {
    const rate = 0.1;
    const mask = maskOf(rate);
    for (const shift of [1, 2, 3, 4, 8, WIDTH - 1, WIDTH, WIDTH + 1, 17 * WIDTH]) {
      const distance = jointDeviation(mask.subarray(shift), mask.subarray(0, mask.length - shift), rate);
      assert.ok(Math.abs(distance) < BOUND, `${shift} values on: ${distance}`);
    }
    for (const [name, other] of [
      ["another module", maskOf(rate, 1, WIDTH / 4)],
      ["another step", maskOf(rate, 2)],
    ] as const) {
      const distance = jointDeviation(mask, other, rate);
      assert.ok(Math.abs(distance) < BOUND, `${name}: ${distance}`);
    }
  });

  it("draws each token by its seed and column alone", () => {
    const [seeds, width] = [seedsOf(3), 37];
    const whole = new Uint8Array(TOKENS * width);
    new DropoutMask(seeds, 0.3).fill(whole, width, 5);
    for (const token of [0, 1, 200, TOKENS - 1]) {
      const alone = new Uint8Array(width);
      new DropoutMask(seeds.subarray(token, token + 1), 0.3).fill(alone, width, 5);
      assert.deepEqual(whole.subarray(token * width, (token + 1) * width), alone);
    }
  });

  it("feeds each module flags of its own", () => {
    const modules = [
      { module: "a", width: 40 },
      { module: "b", width: 40 },
      { module: "c", width: 9 },
    ];
    const feeds = new DropoutFeeds().draw({ rate: 0.5, modules }, seedsOf(1));
    const [a, b, c] = modules.map(({ module }) => feeds[dropoutInput(module)]!);
    assert.deepEqual(c!.shape, [TOKENS, 9]);
    assert.equal(c!.data.length, TOKENS * 9);
    assert.ok(Math.abs(jointDeviation(a!.data as Uint8Array, b!.data as Uint8Array, 0.5)) < BOUND);
  });
});
