import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GituneError, type Results } from "@gitune/core";
import fc from "fast-check";
import { mcnemarExact } from "../stats/mcnemar.js";
import { createRandom } from "../stats/random.js";
import { assertClose } from "../testing/golden.js";
import { evalRow, gate, resultsOf, rule, scoredResults } from "../testing/results.js";
import { compareResults, gateExitCode } from "./compare-results.js";

const rouge = (maxRegression: number) => rule({ suite: "s", metric: "rougeL", maxRegression });

/** Scores in 0..1, the same for the same seed. */
function noise(n: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: n }, () => random() / 2 ** 32);
}

describe("a margin", () => {
  test("identical outputs pass, also with no margin at all, for means and for 0/1 metrics", () => {
    const scores = noise(30, 1);
    for (const [metric, values] of [
      ["rougeL", scores],
      ["accuracy", scores.map(Math.round)],
      ["exact_match", [1, 1]],
    ] as const) {
      const results = scoredResults(metric, values);
      const comparison = compareResults(results, results, gate(rule({ suite: "s", metric, maxRegression: 0 })));
      assert.equal(comparison.verdict, "pass", metric);
      const [outcome] = comparison.rules;
      assert.deepEqual([outcome?.delta, outcome?.ci, outcome?.p], [0, [0, 0], 0]);
      assert.deepEqual([comparison.regressions, comparison.improvements], [[], []]);
    }
  });

  test("a clear fall fails, a clear rise passes, a small wobble is inconclusive and says how many rows decide", () => {
    const base = noise(100, 2).map((x) => 0.4 + 0.2 * x);
    const shift = (by: number): Results =>
      scoredResults(
        "rougeL",
        noise(100, 3).map((x, i) => (base[i] ?? 0) + by + 0.2 * (x - 0.5)),
      );
    const verdict = (by: number) => compareResults(scoredResults("rougeL", base), shift(by), gate(rouge(0.01)));
    assert.equal(verdict(-0.1).verdict, "fail");
    assert.equal(verdict(0.1).verdict, "pass");
    const wobble = verdict(-0.005);
    assert.equal(wobble.verdict, "inconclusive");
    const [outcome] = wobble.rules;
    assert.ok(outcome?.need_rows !== undefined && outcome.need_rows > 100);
    assert.ok(outcome.ci[0] < -0.01 && outcome.ci[1] > -0.01);
  });

  test("as many rows as it asks for do decide", () => {
    const half = (n: number, seed: number) => noise(n, seed).map((x) => (x < 0.5 ? 0.3 : 0.7));
    const at = (n: number) => {
      const base = half(n, 4);
      // Every tenth row rises by 0.2, so the difference is +0.02 with the same spread at any n.
      const head = base.map((x, i) => (i % 10 === 0 ? x + 0.2 : i % 10 === 5 ? x - 0.1 : x));
      return compareResults(scoredResults("rougeL", base), scoredResults("rougeL", head), gate(rouge(0))).rules[0];
    };
    const few = at(60);
    assert.equal(few?.verdict, "inconclusive");
    assert.equal(at(Math.ceil((few?.need_rows ?? 0) * 1.3))?.verdict, "pass");
  });

  test("a difference equal to the margin names no number of rows", () => {
    const base = [0.5, 0.5, 0.5, 0.5];
    const head = [0.5, 0.25, 0.75, 0.5];
    const [outcome] = compareResults(
      scoredResults("rougeL", base),
      scoredResults("rougeL", head),
      gate(rouge(0)),
    ).rules;
    assert.equal(outcome?.verdict, "inconclusive");
    assert.equal("need_rows" in (outcome ?? {}), false);
  });

  test("a 0/1 metric is judged by McNemar's exact p", () => {
    const base = [...new Array<number>(12).fill(1), ...new Array<number>(28).fill(0)];
    const head = base.map((x, i) => (i < 11 ? 0 : i === 20 ? 1 : x));
    const [outcome] = compareResults(
      scoredResults("accuracy", base),
      scoredResults("accuracy", head),
      gate(rule({ suite: "s", metric: "accuracy", maxRegression: 0 })),
    ).rules;
    assert.equal(outcome?.p, mcnemarExact({ gains: 1, losses: 11 }).pBetter);
    assert.equal(outcome?.verdict, "fail");
    assertClose(outcome?.delta ?? 0, -10 / 40, 1e-12, "delta");
  });

  test("verdict and interval agree for a single rule, whatever the scores", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 10 })), {
          minLength: 4,
          maxLength: 40,
        }),
        fc.constantFrom(0.01, 0.05, 0.2),
        (pairs, margin) => {
          const results = [0, 1].map((side) =>
            scoredResults(
              "rougeL",
              pairs.map((pair) => (pair[side] ?? 0) / 10),
            ),
          );
          const [outcome] = compareResults(results[0]!, results[1]!, gate(rouge(margin))).rules;
          assert.ok(outcome);
          // The p of a bound counts one resample more than the bound itself does: hence the slack.
          const slack = 0.02;
          if (outcome.verdict === "pass") assert.ok(outcome.ci[0] >= -margin - slack);
          if (outcome.verdict === "fail") assert.ok(outcome.ci[1] < -margin + slack);
          if (outcome.verdict === "inconclusive")
            assert.ok(outcome.ci[0] < -margin + slack && outcome.ci[1] >= -margin - slack);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  test("under no change at all, a false fail is as rare as promised", () => {
    let fails = 0;
    for (let trial = 0; trial < 200; trial++) {
      const base = noise(40, 1000 + trial);
      const head = noise(40, 5000 + trial);
      if (
        compareResults(scoredResults("rougeL", base), scoredResults("rougeL", head), gate(rouge(0))).verdict === "fail"
      )
        fails++;
    }
    // 2.5% of 200 are 5, standard deviation 2.2.
    assert.ok(fails <= 13, `${fails} of 200`);
  });
});

describe("several rules", () => {
  const tags = noise(200, 6).map((_, i) => [i < 40 ? "billing" : "other"]);
  const base = noise(200, 7);
  const head = base.map((x, i) => (i < 40 ? x - 0.15 + 0.05 * (i % 3) : x + 0.1));

  test("a slice can fail while the mean rises", () => {
    const comparison = compareResults(
      scoredResults("rougeL", base, tags),
      scoredResults("rougeL", head, tags),
      gate(rouge(0.01), rule({ suite: "s", metric: "rougeL", slice: "billing", maxRegression: 0.03 })),
    );
    assert.deepEqual(
      comparison.rules.map(({ verdict, slice }) => [verdict, slice]),
      [
        ["pass", undefined],
        ["fail", "billing"],
      ],
    );
    assert.equal(comparison.verdict, "fail");
  });

  test("Holm makes p-values larger, never smaller, and leaves thresholds out of the family", () => {
    const rules = [
      rouge(0.01),
      rule({ suite: "s", metric: "rougeL", slice: "billing", maxRegression: 0.2 }),
      rule({ suite: "s", metric: "rougeL", min: 0.1 }),
    ];
    const outcomes = compareResults(
      scoredResults("rougeL", base, tags),
      scoredResults("rougeL", head, tags),
      gate(...rules),
    ).rules;
    const [first, second, threshold] = outcomes;
    assert.ok((first?.adjusted_p ?? 0) >= (first?.p ?? 1) && (second?.adjusted_p ?? 0) >= (second?.p ?? 1));
    assert.deepEqual([threshold?.p, threshold?.adjusted_p, threshold?.verdict], [null, null, "pass"]);
  });
});

describe("thresholds", () => {
  test("the head's value decides, a value on the line is inside", () => {
    const results = scoredResults("accuracy", [1, 1, 1, 0]);
    const judge = (given: object) =>
      compareResults(results, results, gate(rule({ suite: "s", metric: "accuracy", ...given }))).verdict;
    assert.deepEqual(
      [judge({ min: 0.75 }), judge({ min: 0.76 }), judge({ max: 0.75 }), judge({ max: 0.74 })],
      ["pass", "fail", "pass", "fail"],
    );
  });
});

describe("corpus metrics", () => {
  const rows = Array.from({ length: 30 }, (_, i) =>
    evalRow(`q${i}`, `the small cat sat on the red mat number ${i} today`),
  );
  const right = rows.map((row) => row.references?.[0] ?? "");

  test("BLEU is compared through its counts, and identical answers have no interval", async () => {
    const base = await resultsOf(rows, right, ["bleu", "chrf"]);
    const same = compareResults(base, base, gate(rule({ suite: "answers", metric: "bleu", maxRegression: 0 })));
    assert.deepEqual([same.verdict, same.rules[0]?.ci], ["pass", [0, 0]]);
    const worse = await resultsOf(
      rows,
      right.map((text, i) => (i % 2 === 0 ? text : "something else entirely here")),
      ["bleu", "chrf"],
    );
    const comparison = compareResults(base, worse, gate(rule({ suite: "answers", metric: "bleu", maxRegression: 1 })));
    const [outcome] = comparison.rules;
    assert.equal(comparison.verdict, "fail");
    assertClose(outcome?.base ?? 0, 100, 1e-9, "base");
    assertClose(outcome?.head ?? 0, worse.suites[0]?.metrics["bleu"]?.value ?? 0, 1e-9, "head");
    assert.ok((outcome?.ci[0] ?? 0) < (outcome?.delta ?? 0) && (outcome?.delta ?? 0) < (outcome?.ci[1] ?? 0));
  });
});

describe("changed rows", () => {
  test("worst first; a row that fell anywhere is a regression, also where another metric rose", async () => {
    const rows = [
      evalRow("a0", "one two three four"),
      evalRow("b1", "five six"),
      evalRow("c2", "seven"),
      evalRow("d3", "eight"),
    ];
    const base = await resultsOf(rows, ["one two three four", "five six", "no", "eight"], ["rouge1", "exact_match"]);
    const head = await resultsOf(rows, ["one two three", "no", "seven", "eight"], ["rouge1", "exact_match"]);
    const comparison = compareResults(base, head, gate(rule({ suite: "answers", metric: "rouge1", maxRegression: 0 })));
    assert.deepEqual(comparison.regressions, ["answers/b1", "answers/a0"]);
    assert.deepEqual(comparison.improvements, ["answers/c2"]);
  });
});

test("of rows that fell alike, those of a watched slice come first", () => {
  const base = scoredResults("rougeL", [1, 1, 1]);
  const head = scoredResults("rougeL", [0, 0, 1]);
  const tagged = (results: Results): Results => ({
    ...results,
    suites: results.suites.map((suite) => ({
      ...suite,
      rows: suite.rows.map((row, i) => ({ ...row, tags: i === 1 ? ["thin"] : [] })),
    })),
  });
  const rules = [
    rule({ suite: "s", metric: "rougeL", maxRegression: 0 }),
    rule({ suite: "s", metric: "rougeL", slice: "thin", maxRegression: 0 }),
  ];
  const { regressions } = compareResults(tagged(base), tagged(head), gate(...rules));
  assert.deepEqual(
    regressions,
    [1, 0].map((i) => `s/${base.suites[0]!.rows[i]!.id}`),
  );
});

describe("what cannot be compared", () => {
  const scores = [0.1, 0.2, 0.3];
  const results = scoredResults("rougeL", scores);
  const [suite] = results.suites;
  const cases: readonly (readonly [name: string, head: Results, text: RegExp])[] = [
    ["another template under the same base model", { ...results, template_sha256: "u" }, /chat templates/],
    ["other data", { ...results, suites: [{ ...suite!, data_sha256: "e" }] }, /different data/],
    ["fewer rows", scoredResults("rougeL", [0.1, 0.2]), /1 only in the base, 0 only in the head/],
    ["another suite", { ...results, suites: [{ ...suite!, name: "t" }] }, /suite "s" is only in the base/],
    ["a repeated id", { ...results, suites: [{ ...suite!, rows: [...suite!.rows, suite!.rows[0]!] }] }, /same id/],
  ];
  for (const [name, head, text] of cases) {
    test(`${name} is an error with exit code 2`, () => {
      assert.throws(
        () => compareResults(results, head, gate(rouge(0))),
        (error) => error instanceof GituneError && error.exitCode === 2 && text.test(error.message),
      );
    });
  }

  test("another base model with its own template can be gated", () => {
    const head = { ...results, base: { ...results.base, sha256: "other" }, template_sha256: "u" };
    assert.equal(compareResults(results, head, gate(rouge(0))).verdict, "pass");
  });

  for (const [name, wrong] of [
    ["suite", rule({ suite: "x", metric: "rougeL", min: 0 })],
    ["metric", rule({ suite: "s", metric: "bleu", min: 0 })],
    ["slice", rule({ suite: "s", metric: "rougeL", slice: "x", min: 0 })],
  ] as const) {
    test(`a rule for a ${name} that is not there is an error, not a pass`, () => {
      assert.throws(
        () => compareResults(results, results, gate(wrong)),
        (error) => error instanceof GituneError && error.exitCode === 2,
      );
    });
  }
});

describe("the exit code", () => {
  test("inconclusive stops a merge only where the project says so", () => {
    const results = scoredResults("rougeL", [0.5, 0.5]);
    const comparison = compareResults(results, results, gate());
    assert.equal(comparison.verdict, "pass");
    const config = gate();
    assert.equal(gateExitCode(comparison, config), 0);
    assert.equal(gateExitCode({ ...comparison, verdict: "fail" }, config), 1);
    assert.equal(gateExitCode({ ...comparison, verdict: "inconclusive" }, config), 0);
    assert.equal(gateExitCode({ ...comparison, verdict: "inconclusive" }, { ...config, inconclusive: "block" }), 1);
  });
});
