import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { assertClose, readGolden } from "../testing/golden.js";
import { bootstrap, bootstrapPaired } from "./bootstrap.js";
import { holm } from "./holm.js";
import { binomialHalfCdf, mcnemarExact, tangoInterval, tangoTest } from "./mcnemar.js";
import { normalCdf, normalQuantile } from "./normal.js";
import { createRandom, Xoshiro128 } from "./random.js";
import { wilson } from "./wilson.js";

type Interval = readonly [number, number];
interface Golden {
  readonly binomial: readonly { k: number; n: number; two_sided: number; less: number; greater: number }[];
  readonly wilson: readonly { k: number; n: number; confidence: number; ci: Interval }[];
  readonly normal: { cdf: readonly { x: number; p: number }[]; quantile: readonly { p: number; x: number }[] };
  readonly bootstrap: readonly {
    shape: string;
    base: number[];
    head: number[];
    ci: Interval;
    standard_error: number;
  }[];
  readonly tango: readonly { gains: number; losses: number; n: number; ci: Interval }[];
  readonly holm: readonly { ps: number[]; adjusted: number[] }[];
}

const golden = readGolden<Golden>("statistics.json");

describe("parity with scipy", () => {
  test("normal distribution", () => {
    for (const { x, p } of golden.normal.cdf) assertClose(normalCdf(x) / p, 1, 1e-11, `cdf(${x})`);
    for (const { p, x } of golden.normal.quantile) assertClose(normalQuantile(p), x, 1e-12, `quantile(${p})`);
  });

  test("binomtest: one-sided and two-sided", () => {
    for (const { k, n, ...expected } of golden.binomial) {
      const found = mcnemarExact({ gains: k, losses: n - k });
      const name = `${k} of ${n}`;
      assertClose(found.pTwoSided, expected.two_sided, 1e-12, name);
      assertClose(found.pBetter, expected.greater, 1e-12, name);
      assertClose(found.pWorse, expected.less, 1e-12, name);
      // Far out in the tail too, digit for digit.
      if (expected.less > 0) assertClose(binomialHalfCdf(k, n) / expected.less, 1, 1e-10, name);
    }
  });

  test("Wilson's interval", () => {
    for (const { k, n, confidence, ci } of golden.wilson) {
      const [low, high] = wilson(k, n, confidence);
      assertClose(low, ci[0], 1e-12, `${k} of ${n}`);
      assertClose(high, ci[1], 1e-12, `${k} of ${n}`);
    }
  });

  for (const { shape, base, head, ci, standard_error } of golden.bootstrap) {
    test(`BCa interval of a paired difference: ${shape}, ${base.length} rows`, () => {
      // 50,000 resamples: a bound's Monte-Carlo error is then about 1% of the interval's width, scipy's half of it.
      const found = bootstrapPaired(base, head, { confidence: 0.95, seed: 7, resamples: 50_000 });
      const tolerance = 0.025 * (ci[1] - ci[0]);
      assertClose(found.ci[0], ci[0], tolerance, "lower");
      assertClose(found.ci[1], ci[1], tolerance, "upper");
      assertClose(found.standardError / standard_error, 1, 0.02, "standard error");
    });
  }

  test("Tango's interval, against the likelihood maximised by numbers", () => {
    for (const { ci, ...counts } of golden.tango) {
      const [low, high] = tangoInterval(counts, 0.95);
      assertClose(low, ci[0], 1e-6, JSON.stringify(counts));
      assertClose(high, ci[1], 1e-6, JSON.stringify(counts));
    }
  });

  test("Holm", () => {
    for (const { ps, adjusted } of golden.holm) {
      for (const [i, p] of holm(ps).entries()) assertClose(p, adjusted[i] ?? 0, 1e-15, `p ${i}`);
    }
  });
});

describe("the bootstrap", () => {
  test("the same seed gives the same interval, another one another", () => {
    const random = createRandom(3);
    const values = Array.from({ length: 60 }, () => random() / 2 ** 32);
    const zero = values.map(() => 0);
    const ci = (seed: number): Interval =>
      bootstrapPaired(zero, values, { confidence: 0.95, seed, resamples: 2000 }).ci;
    assert.deepEqual(ci(1), ci(1));
    assert.notDeepEqual(ci(1), ci(2));
  });

  test("p and interval agree: p of a bound is the tail outside it", () => {
    for (const { base, head } of golden.bootstrap) {
      const found = bootstrapPaired(base, head, { confidence: 0.95, seed: 11 });
      assertClose(found.pAbove(found.ci[0]), 0.025, 0.002, "lower");
      assertClose(found.pBelow(found.ci[1]), 0.025, 0.002, "upper");
      assert.ok(found.pAbove(-1e9) < 0.001 && found.pBelow(-1e9) > 0.999);
    }
  });

  test("equal rows have an interval without width", () => {
    const { ci, pAbove, pBelow } = bootstrapPaired([0.2, 0.9], [0.2, 0.9], { confidence: 0.95, seed: 1 });
    assert.deepEqual(ci, [0, 0]);
    assert.deepEqual([pAbove(0), pAbove(0.1), pBelow(0), pBelow(-0.1)], [0, 1, 0, 1]);
  });

  test("one row is no spread", () => {
    assert.deepEqual(bootstrapPaired([0], [1], { confidence: 0.95, seed: 1 }).ci, [1, 1]);
  });

  test("a ratio of sums: the interval holds the estimate, in every arrangement of rows", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 5, max: 9 })), {
          minLength: 5,
          maxLength: 40,
        }),
        (rows) => {
          const found = bootstrap(
            {
              columns: [Float64Array.from(rows, ([hits]) => hits), Float64Array.from(rows, ([, all]) => all)],
              n: rows.length,
              aggregate: ([hits = 0, all = 0]) => (all > 0 ? hits / all : 0),
            },
            { confidence: 0.99, seed: 5, resamples: 500 },
          );
          assert.ok(found.ci[0] <= found.estimate + 1e-12 && found.estimate <= found.ci[1] + 1e-12);
        },
      ),
      { numRuns: 50, seed: 1 },
    );
  });

  test("the 95% interval covers about 95%", () => {
    const trials = 600;
    const random = createRandom(2024);
    const uniform = (): number => (random() + 0.5) / 2 ** 32;
    const covered = { bca: 0, tango: 0, wilson: 0 };
    for (let trial = 0; trial < trials; trial++) {
      // Skewed, mostly zero: what differences of ROUGE look like. Mean 0.3 · (1 - 0.8) = 0.06.
      const head = Array.from({ length: 60 }, () => (uniform() < 0.3 ? -Math.log(uniform()) - 0.8 : 0));
      const [low, high] = bootstrapPaired(new Array<number>(60).fill(0), head, {
        confidence: 0.95,
        seed: trial,
        resamples: 1000,
      }).ci;
      if (low <= 0.06 && 0.06 <= high) covered.bca++;

      let [gains, losses, hits] = [0, 0, 0];
      for (let row = 0; row < 60; row++) {
        const u = uniform();
        if (u < 0.15) gains++;
        else if (u < 0.2) losses++;
        if (uniform() < 0.9) hits++;
      }
      const [from, to] = tangoInterval({ n: 60, gains, losses }, 0.95);
      if (from <= 0.1 && 0.1 <= to) covered.tango++;
      const [least, most] = wilson(hits, 60, 0.95);
      if (least <= 0.9 && 0.9 <= most) covered.wilson++;
    }
    // 600 trials of a true 95% stay within 92.6% .. 97.4% (2.7 standard errors); BCa runs a little short at 60 skewed rows.
    for (const [name, count] of Object.entries(covered)) {
      const share = count / trials;
      assert.ok(share > (name === "bca" ? 0.9 : 0.926) && share < 0.98, `${name} covers ${share}`);
    }
  });
});

describe("paired 0/1 outcomes", () => {
  test("p-values stay in 0..1 and mirror when gains and losses change places", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (gains, losses) => {
        const [there, back] = [mcnemarExact({ gains, losses }), mcnemarExact({ gains: losses, losses: gains })];
        assertClose(there.pBetter, back.pWorse, 1e-15, "mirror");
        for (const p of Object.values(there)) assert.ok(p >= 0 && p <= 1);
        const n = gains + losses + 10;
        const [low, high] = tangoInterval({ n, gains, losses }, 0.95);
        const [mirroredLow, mirroredHigh] = tangoInterval({ n, gains: losses, losses: gains }, 0.95);
        assertClose(low, -mirroredHigh, 1e-9, "mirror");
        assertClose(high, -mirroredLow, 1e-9, "mirror");
        const delta = (gains - losses) / n;
        assert.ok(low < delta && delta < high, `${low} ${delta} ${high}`);
        assertClose(tangoTest({ n, gains, losses }, low).pAbove, 0.025, 1e-6, "test and interval agree");
        assertClose(tangoTest({ n, gains, losses }, high).pBelow, 0.025, 1e-6, "test and interval agree");
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe("the generator", () => {
  test("is xoshiro128**: the first numbers of a seed never change", () => {
    const random = createRandom(42);
    assert.deepEqual([random(), random(), random()], FIRST_OF_SEED_42);
  });

  test("draws every row about equally often", () => {
    const drawn = new Uint32Array(100_000);
    new Xoshiro128(1).fillBelow(drawn, 10);
    const counts = new Array<number>(10).fill(0);
    for (const row of drawn) counts[row]!++;
    // 10,000 each, standard deviation 95.
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 450, String(counts));
  });
});

/** From the same algorithm in Python's unbounded integers. */
const FIRST_OF_SEED_42: readonly number[] = [2837322924, 544945897, 479756282];
