import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LEAST_TOKENS } from "../ir/symbol.js";
import { fixedRows } from "../testing/fixed-rows.js";
import { makeStepBatches, type PlanConfig, planPasses, planTraining } from "./batches.js";
import { createRandom, deriveSeed, shuffledIndices } from "./random.js";

/** Rows of the given lengths. Ids tell row and position. */
const rowsOf = (lengths: readonly number[]) =>
  fixedRows(lengths.map((length, row) => Array.from({ length }, (_, position) => row * 1000 + position)));

const config = (part: Partial<PlanConfig>): PlanConfig => ({
  batchSize: 4,
  microBatchSize: 2,
  packing: false,
  epochs: 1,
  maxSteps: null,
  seed: 42,
  ...part,
});

const anyLengths = fc.array(fc.integer({ min: 2, max: 300 }), { minLength: 1, maxLength: 40 });
const anyConfig = fc.record({
  batchSize: fc.integer({ min: 1, max: 9 }),
  microBatchSize: fc.integer({ min: 1, max: 9 }),
  packing: fc.boolean(),
  epochs: fc.integer({ min: 1, max: 3 }),
  maxSteps: fc.constant(null),
  seed: fc.nat(),
});

describe("batches", () => {
  it("use every row exactly once an epoch, in lanes that hold it (property)", () => {
    fc.assert(
      fc.property(anyLengths, anyConfig, (lengths, settings) => {
        const encoded = rowsOf(lengths);
        const plan = planTraining(encoded, settings);
        assert.equal(plan.totalSteps, settings.epochs * Math.ceil(lengths.length / settings.batchSize));
        const seen = new Map<number, number[]>();
        for (let index = 0; index < plan.totalSteps; index++) {
          const step = plan.step(index);
          for (const { lanes, length } of step.micro) {
            const rows = lanes.flat();
            assert.ok(lanes.length <= settings.microBatchSize);
            if (!settings.packing) assert.ok(lanes.every((lane) => lane.length === 1));
            for (const lane of lanes) assert.ok(lane.reduce((sum, row) => sum + lengths[row]!, 0) <= length);
            const longest = Math.max(...lanes.map((lane) => lane.reduce((sum, row) => sum + lengths[row]!, 0)));
            assert.ok(length % 8 === 0 && (length < longest + 8 || (length - 8) * lanes.length < LEAST_TOKENS));
            assert.ok(lanes.length === 1 || length * lanes.length <= 256 || (length - 8) * lanes.length < LEAST_TOKENS);
            for (const row of rows) seen.set(step.epoch, [...(seen.get(step.epoch) ?? []), row]);
          }
        }
        assert.equal(seen.size, settings.epochs);
        for (const rows of seen.values()) {
          assert.deepEqual(
            rows.sort((a, b) => a - b),
            lengths.map((_, index) => index),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it("carry the same labels, weights and rows whatever the micro-batch size and packing (property)", () => {
    fc.assert(
      fc.property(anyLengths, anyConfig, anyConfig, (lengths, settings, other) => {
        const encoded = rowsOf(lengths);
        const digest = ({ microBatchSize, packing }: PlanConfig): string[][] => {
          const plan = planTraining(encoded, { ...settings, microBatchSize, packing });
          return Array.from({ length: plan.totalSteps }, (_, index) => {
            const labels = [];
            let total = 0;
            for (const batch of makeStepBatches(encoded, plan.step(index), settings.seed)) {
              for (const [label, weight] of batch.weights.entries()) {
                total += weight;
                const position = Number(batch.positions[label]);
                // The label is the token after its position, in the same sequence.
                assert.equal(batch.ids[position + 1], batch.labels[label]);
                assert.notEqual((position + 1) % batch.length, 0);
                // Ids tell where in its row a token stands, which is what its position and its row's start must say.
                const place = Number(batch.labels[label]) % 1000;
                assert.equal(Number(batch.positionIds[position + 1]), place);
                assert.equal(((position + 1) % batch.length) - batch.rowStarts[position + 1]!, place);
                labels.push(`${batch.labels[label]}:${weight}`);
              }
            }
            assert.ok(Math.abs(total - 1) < 1e-4, String(total));
            return labels.sort();
          });
        };
        assert.deepEqual(digest(settings), digest(other));
      }),
      { numRuns: 40 },
    );
  });

  it("pad to a multiple of 8 and to the least tokens of a pass; padding is a row of its own", () => {
    const encoded = rowsOf([3, 41, 5]);
    const [first, second] = makeStepBatches(encoded, planTraining(encoded, config({ batchSize: 3 })).step(0), 42);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual([first.batch, first.length], [1, 64]);
    assert.deepEqual([second.batch, second.length], [2, 32]);
    assert.deepEqual([...second.ids.subarray(32, 37)], [0n, 1n, 2n, 0n, 0n]);
    assert.deepEqual([...second.rowStarts.subarray(32, 37)], [0, 0, 0, 3, 3]);
    assert.deepEqual([...second.weights], Array(6).fill(Math.fround(1 / 46)));
    assert.deepEqual([...second.positions], [0n, 1n, 2n, 3n, 32n, 33n]);
  });

  it("draw dropout by step, row and place in the row, whatever the micro-batch size and packing (property)", () => {
    fc.assert(
      fc.property(anyLengths, anyConfig, anyConfig, (lengths, settings, other) => {
        const encoded = rowsOf(lengths);
        // Seeds by the place that ids tell.
        const seeds = ({ microBatchSize, packing }: PlanConfig): Map<number, number>[] => {
          const plan = planTraining(encoded, { ...settings, microBatchSize, packing });
          return Array.from({ length: plan.totalSteps }, (_, index) => {
            const found = new Map<number, number>();
            for (const { dropoutSeeds, ids, positions } of makeStepBatches(encoded, plan.step(index), settings.seed)) {
              for (const at of positions) found.set(Number(ids[Number(at)]), dropoutSeeds[Number(at)]!);
            }
            return found;
          });
        };
        const found = seeds(settings);
        assert.deepEqual(found, seeds(other));
        const all = found.flatMap((step) => [...step.values()]);
        // 32 bits: among a few thousand values, two may be equal.
        assert.ok(new Set(all).size >= all.length - 20, `${new Set(all).size} of ${all.length}`);
      }),
      { numRuns: 30 },
    );
  });

  it("let rows share a lane where packing says so, first-fit decreasing", () => {
    const lengths = [100, 60, 50, 40, 30, 20];
    const order = lengths.map((_, row) => row);
    const plan = (microBatchSize: number, packing: boolean) =>
      planPasses(rowsOf(lengths), order, { microBatchSize, packing });
    assert.deepEqual(plan(4, true), [
      { lanes: [[0], [1, 3]], length: 104 },
      { lanes: [[2, 4, 5]], length: 104 },
    ]);
    // Lanes are filled over the whole step, and a pass holds as many lanes as it may.
    assert.deepEqual(
      plan(2, true).map(({ lanes }) => lanes),
      [[[0], [1, 3]], [[2, 4, 5]]],
    );
    assert.deepEqual(
      plan(6, false).flatMap(({ lanes }) => lanes),
      order.map((row) => [row]),
    );
  });

  it("give a long row a pass of its own where that computes less, and keep rows of one length together", () => {
    const passes = (lengths: readonly number[], microBatchSize = 4) => {
      const order = lengths.map((_, row) => row);
      return planPasses(rowsOf(lengths), order, { microBatchSize, packing: false }).map(({ lanes }) => lanes.length);
    };
    assert.deepEqual(passes([1000, 60, 60, 60]), [1, 3]);
    assert.deepEqual(passes([64, 64, 64, 64]), [4]);
    assert.deepEqual(passes([32, 31, 30, 29, 28, 27, 26, 25]), [4, 4]);
    assert.deepEqual(passes([64, 63, 62, 61, 9]), [4, 1]);
    // No pass has more tokens than are good for it.
    assert.deepEqual(passes([256, 256, 256, 256]), [1, 1, 1, 1]);
    assert.deepEqual(passes([128, 127, 126, 125]), [2, 2]);
    // A few tokens of padding cost less than another pass.
    assert.deepEqual(passes([40, 38, 35, 33]), [4]);
  });

  it("shuffle each epoch in its own way, as the seed says", () => {
    const encoded = rowsOf(Array.from({ length: 50 }, () => 10));
    const order = (seed: number, epoch: number): number[] => {
      const plan = planTraining(encoded, config({ batchSize: 1, microBatchSize: 1, epochs: 2, seed }));
      return Array.from({ length: 50 }, (_, index) => plan.step(epoch * 50 + index).micro[0]?.lanes[0]?.[0] ?? -1);
    };
    assert.deepEqual(order(42, 0), order(42, 0));
    assert.notDeepEqual(order(42, 0), order(42, 1));
    assert.notDeepEqual(order(42, 0), order(43, 0));
  });

  it("stop at max_steps, and go past the epochs to reach it", () => {
    const encoded = rowsOf([10, 10, 10, 10]);
    assert.equal(planTraining(encoded, config({ epochs: 3, maxSteps: 2 })).totalSteps, 2);
    const long = planTraining(encoded, config({ maxSteps: 5 }));
    assert.equal(long.totalSteps, 5);
    assert.equal(long.step(4).epoch, 4);
  });
});

/** From a second, independent implementation of the paper's pseudo-code, in Python. */
const GOLDEN_42_0 = [285151098, 712088871, 1464863519];

describe("random", () => {
  it("is PCG-XSH-RR 64/32: the same numbers on every machine", () => {
    const random = createRandom(42, 0);
    const golden = [random.uint32(), random.uint32(), random.uint32()];
    const again = createRandom(42, 0);
    assert.deepEqual(golden, [again.uint32(), again.uint32(), again.uint32()]);
    assert.deepEqual(golden, GOLDEN_42_0);
    assert.notEqual(createRandom(0, 42).uint32(), golden[0]);
  });

  it("is even over small bounds", () => {
    const random = createRandom(1);
    const counts = [0, 0, 0, 0, 0];
    for (let draw = 0; draw < 50_000; draw++) counts[random.below(5)]!++;
    // Chi-squared with 4 degrees of freedom: 18.5 is p = 0.001.
    assert.ok(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0) < 18.5, counts.join(" "));
  });

  it("shuffles without loss, and derives seeds below 2^31", () => {
    assert.deepEqual(
      [...shuffledIndices(100, createRandom(3))].sort((a, b) => a - b),
      [...Array(100).keys()],
    );
    assert.deepEqual([...shuffledIndices(0, createRandom(3))], []);
    for (let part = 0; part < 1000; part++) assert.ok(deriveSeed(part, 1) < 2 ** 31);
  });
});
