import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { scorePredictions } from "../suites/score-predictions.js";
import { assertClose, readGolden } from "../testing/golden.js";
import type { ScoredText, Statistics } from "./metric.js";
import { METRICS } from "./table.js";

interface Golden {
  readonly rows: readonly {
    readonly prediction: string;
    readonly references: readonly string[];
    readonly scores: Readonly<Record<string, number>>;
  }[];
  readonly corpora: readonly {
    readonly start: number;
    readonly end: number;
    readonly bleu: number;
    readonly chrf: number;
  }[];
}

const golden = readGolden<Golden>("metrics.json");
const texts = golden.rows.map(
  (row, index): ScoredText => ({
    id: String(index),
    prediction: row.prediction,
    references: row.references,
    label: null,
  }),
);

describe("metrics equal their Python originals", () => {
  for (const name of Object.keys(golden.rows[0]?.scores ?? {})) {
    test(`${name}: each of ${texts.length} rows`, () => {
      const metric = METRICS.get(name);
      assert.ok(metric);
      for (const [index, text] of texts.entries()) {
        const expected = golden.rows[index]?.scores[name] ?? Number.NaN;
        assertClose(metric.score(text), expected, 1e-12, `row ${index} ${JSON.stringify(text)}`);
      }
    });
  }

  for (const name of ["bleu", "chrf"] as const) {
    test(`${name}: corpora, from summed counts`, () => {
      const metric = METRICS.get(name);
      assert.ok(metric?.kind === "corpus");
      for (const { start, end, ...expected } of golden.corpora) {
        const sums: Record<string, number> = {};
        for (const text of texts.slice(start, end)) addTo(sums, metric.statistics(text));
        assertClose(metric.aggregate(sums), expected[name], 1e-12, `rows ${start}..${end}`);
      }
    });
  }

  test("a mean is the mean of the rows, a corpus metric is not", () => {
    const rows = golden.rows.slice(0, 100).filter((row) => row.references.every((text) => /[a-z0-9]/i.test(text)));
    const { metrics } = scorePredictions({ rows, metrics: ["rougeL", "bleu"], confidence: 0.95, seed: 1 });
    const mean = rows.reduce((sum, row) => sum + (row.scores["rougeL"] ?? 0), 0) / rows.length;
    assertClose(metrics["rougeL"]?.value ?? Number.NaN, mean, 1e-12, "rougeL");
    const meanOfBleu = rows.reduce((sum, row) => sum + (row.scores["bleu"] ?? 0), 0) / rows.length;
    assert.ok(Math.abs((metrics["bleu"]?.value ?? 0) - meanOfBleu) > 1);
  });
});

describe("the metric table", () => {
  for (const metric of METRICS.values()) {
    test(`${metric.name} stays in its range and gives a right answer the best score`, () => {
      const [low, high] = metric.range;
      for (const text of texts) {
        const score = metric.score({ ...text, label: text.references[0] ?? null });
        assert.ok(score >= low && score <= high, `${score} of ${JSON.stringify(text)}`);
      }
      const right = {
        id: "x",
        prediction: "an answer of seven words in all",
        references: ["an answer of seven words in all"],
      };
      assertClose(
        metric.score({ ...right, label: right.prediction }),
        metric.higherIsBetter ? high : low,
        1e-12,
        "right",
      );
      assert.match(metric.signature, new RegExp(`^${metric.name}\\|`));
    });
  }
});

function addTo(sums: Record<string, number>, more: Statistics): void {
  for (const [key, count] of Object.entries(more)) sums[key] = (sums[key] ?? 0) + count;
}
