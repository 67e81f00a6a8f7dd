import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { makeStepBatches, type PlanConfig, planShapes, planTraining } from "./batches.js";
import type { EncodedRows } from "./encoded-rows.js";
import { createRandom, deriveSeed, shuffledIndices } from "./random.js";

/** Rows of the given lengths; every token but the first `unlabelled` is a label. Ids tell row and position. */
function rowsOf(lengths: readonly number[], unlabelled = 1): EncodedRows {
  const labels = lengths.map((length) => length - unlabelled);
  return {
    length: lengths.length,
    padId: 999_999,
    sha256: "",
    stats: { rows: 0, cut: 0, cutTokens: 0, dropped: 0, tokens: 0, supervisedTokens: 0, longest: 0 },
    rowLength: (index) => lengths[index] ?? 0,
    rowLabels: (index) => labels[index] ?? 0,
    row: (index) => ({
      ids: Int32Array.from({ length: lengths[index] ?? 0 }, (_, position) => index * 1000 + position),
      labelMask: Uint8Array.from({ length: lengths[index] ?? 0 }, (_, position) => (position >= unlabelled ? 1 : 0)),
    }),
    place: (index) => `x.jsonl:${index + 1}`,
  };
}

const config = (part: Partial<PlanConfig>): PlanConfig => ({
  batchSize: 4,
  microBatchSize: 2,
  epochs: 1,
  maxSteps: null,
  seed: 42,
  ...part,
});

const anyLengths = fc.array(fc.integer({ min: 2, max: 300 }), { minLength: 1, maxLength: 40 });
const anyConfig = fc.record({
  batchSize: fc.integer({ min: 1, max: 9 }),
  microBatchSize: fc.integer({ min: 1, max: 9 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  maxSteps: fc.constant(null),
  seed: fc.nat(),
});

describe("batches", () => {
  it("use every row exactly once an epoch, in the shapes announced, at most four (property)", () => {
    fc.assert(
      fc.property(anyLengths, anyConfig, (lengths, settings) => {
        const encoded = rowsOf(lengths);
        const plan = planTraining(encoded, settings);
        assert.equal(plan.totalSteps, settings.epochs * Math.ceil(lengths.length / settings.batchSize));
        assert.ok(planShapes(plan).length <= 4);
        const seen = new Map<number, number[]>();
        for (let index = 0; index < plan.totalSteps; index++) {
          const step = plan.step(index);
          for (const { rows, shape } of step.micro) {
            assert.ok(planShapes(plan).includes(shape));
            assert.ok(rows.length <= shape.batch);
            assert.equal(shape.length % 32, 0);
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

  it("carry the same labels and weights whatever the micro-batch size (property)", () => {
    fc.assert(
      fc.property(anyLengths, anyConfig, fc.integer({ min: 1, max: 9 }), (lengths, settings, other) => {
        const encoded = rowsOf(lengths);
        const digest = (microBatchSize: number): string[][] => {
          const plan = planTraining(encoded, { ...settings, microBatchSize });
          return Array.from({ length: plan.totalSteps }, (_, index) => {
            const labels = [];
            let total = 0;
            for (const batch of makeStepBatches(encoded, plan.step(index), settings.seed)) {
              for (const [label, weight] of batch.weights.entries()) {
                if (weight === 0) continue;
                total += weight;
                const position = Number(batch.positions[label]);
                // The label is the token after its position, in the same sequence.
                assert.equal(batch.ids[position + 1], batch.labels[label]);
                assert.notEqual((position + 1) % batch.length, 0);
                labels.push(`${batch.labels[label]}:${weight}`);
              }
            }
            assert.ok(Math.abs(total - 1) < 1e-4, String(total));
            return labels.sort();
          });
        };
        assert.deepEqual(digest(settings.microBatchSize), digest(other));
      }),
      { numRuns: 40 },
    );
  });

  it("pad with rows and labels of weight 0", () => {
    const encoded = rowsOf([3, 40, 5]);
    const plan = planTraining(encoded, config({ batchSize: 3 }));
    const [first, second] = makeStepBatches(encoded, plan.step(0), 42);
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(first.length, 64);
    assert.equal(second.length, 32);
    assert.equal(second.batch, 2);
    assert.deepEqual([...second.ids.subarray(0, 4)], [0n, 1n, 2n, 999_999n]);
    assert.ok(second.ids.subarray(32).every((id) => id === 999_999n));
    assert.deepEqual([...second.weights], [1 / 45, 1 / 45, 0, 0, 0, 0, 0, 0].map(Math.fround));
    assert.deepEqual([...second.positions], [0n, 1n, 0n, 0n, 0n, 0n, 0n, 0n]);
    assert.notEqual(first.dropoutSeed, second.dropoutSeed);
  });

  it("shuffle each epoch in its own way, as the seed says", () => {
    const encoded = rowsOf(Array.from({ length: 50 }, () => 10));
    const order = (seed: number, epoch: number): number[] => {
      const plan = planTraining(encoded, config({ batchSize: 1, microBatchSize: 1, epochs: 2, seed }));
      return Array.from({ length: 50 }, (_, index) => plan.step(epoch * 50 + index).micro[0]?.rows[0] ?? -1);
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

  it("choose lengths with little padding", () => {
    // 100 short passes and one long: the long one must not make the others long.
    const lengths = [...Array.from({ length: 100 }, () => 30), 500];
    const plan = planTraining(rowsOf(lengths), config({ batchSize: 1, microBatchSize: 1 }));
    assert.deepEqual(
      planShapes(plan).map(({ length }) => length),
      [32, 512],
    );
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
