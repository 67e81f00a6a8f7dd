import assert from "node:assert/strict";
import { test } from "node:test";
import { type Comparison, type Results, resolveConfig } from "@gitune/core";
import { parse } from "yaml";
import { type CardFacts, modelCard } from "./model-card.js";

/** What an attacker would write everywhere. */
const HOSTILE = "x` | <img src=e onerror=alert(1)> @octo [a](https://e.invalid)\n---\n# h $" + "{{ secrets.T }}";

function facts(name = "answers", changes: Partial<CardFacts> = {}): CardFacts {
  const config = resolveConfig({
    name: "colours",
    version: "1.2.0",
    license: name === HOSTILE ? HOSTILE : "mit",
    language: name === HOSTILE ? HOSTILE : "en",
    description: name,
    data: { format: "text", splits: { train: "t.jsonl" } },
    train: { base: "models/tiny" },
    evals: [{ name, data: "a.jsonl", metrics: ["rougeL"] }],
    gate: { rules: [{ suite: name, metric: "rougeL", max_regression: 0.1 }] },
    publish: { hub: "acme/lora" },
  });
  const value = (score: number) => ({ rougeL: { value: score, n: 4, ci: [0, 1] as const, signature: "a|b" } });
  const results = (score: number): Results => ({
    version: 1,
    project: "colours",
    base: { id: "models/tiny", revision: null, sha256: "0" },
    adapter: null,
    template_sha256: "0",
    environment: {},
    suites: [
      {
        name,
        data_sha256: "ab".repeat(32),
        metrics: value(score),
        slices: { [`slice ${name}`]: value(score) },
        usage: { prompt_tokens: 1, completion_tokens: 1, latency_ms: { p50: 1, p95: 1 }, errors: 0, length_stops: 2 },
        rows: [],
      },
    ],
  });
  const comparison: Comparison = {
    version: 1,
    verdict: "inconclusive",
    rules: [
      {
        suite: name,
        metric: "rougeL",
        base: 0.5,
        head: 0.4,
        delta: -0.1,
        ci: [-0.2, 0],
        p: 0.1,
        adjusted_p: 0.1,
        verdict: "inconclusive",
      },
    ],
    regressions: Array.from({ length: 30 }, (_, at) => `${name}/${at}`),
    improvements: [],
  };
  return {
    project: { config, root: "/", dir: "datasets/colours", configFile: "datasets/colours/gitune.yaml" },
    tag: "colours@1.2.0",
    commit: "c".repeat(40),
    repository: "https://github.com/acme/rows",
    base: { id: "acme/tiny", revision: "d".repeat(40) },
    lock: {
      version: 1,
      project: "colours",
      project_version: "1.2.0",
      config_sha256: "e".repeat(64),
      rows: [{ file: `datasets/${name}.jsonl`, sha256: "f".repeat(64) }],
      base: { id: "models/tiny", revision: null, sha256: "0" },
      template_sha256: null,
      versions: { gitune: "0.1.0" },
      seed: 42,
      device: "cpu",
    },
    adapter: {
      sha256: "1".repeat(64),
      sizeBytes: 10,
      targets: ["q_proj"],
      steps: 2,
      tokens: 3,
      rows: { used: 4, cut: 1, dropped: 0 },
    },
    results: { bare: results(0.1), base: results(0.5), head: results(0.4) },
    comparison,
    comparedWith: "colours@1.1.0",
    ...changes,
  };
}

test("the facts are there: three models, intervals, signature, verdict, regressions, limits", () => {
  const card = modelCard(facts());
  assert.match(
    card,
    /\| answers \| `rougeL` \| 4 \| 0\.100 \| 0\.500 \| \*\*0\.400\*\* \| 0\.000 to 1\.000 \| `a\\\|b` \|/,
  );
  assert.match(card, /Verdict: \*\*inconclusive: the rows are too few to tell\*\*/);
  assert.match(card, /30 rows score worse than with `colours@1\.1\.0`, and 0 better\. Worse: .*; and 10 more\./);
  assert.match(card, /worse on average: answers, slice answers: `rougeL` 0\.500 → 0\.400, 4 rows/);
  assert.match(card, /Trained on 4 rows; 1 were cut/);
  assert.match(card, /--max-lora-rank 8 /);
  assert.equal(modelCard(facts()), card, "the same facts, the same text");
});

test("a first release is compared with the base alone", () => {
  const { results } = facts();
  const card = modelCard(facts("answers", { comparedWith: null, results: { ...results, base: results.bare } }));
  assert.match(card, /\| suite \| metric \| rows \| base alone \| this \|/);
  assert.match(card, /No slice is worse on average\./);
});

test("nothing that a config, a suite or a row says becomes markup", () => {
  const card = modelCard(facts(HOSTILE));
  const [, front = "", ...body] = card.split(/^---\n/m);
  const parsed = parse(front) as { license: string; "model-index": readonly { results: readonly object[] }[] };
  assert.equal(parsed.license, HOSTILE);
  assert.equal(body.length, 1, "one front matter");
  const text = (body[0] ?? "").replace(/```[\s\S]*?```/g, "").replace(/`[^`\n]*`/g, "");
  assert.doesNotMatch(text, /<img|@octo|[^\\]\]\(https:\/\/e|^# h|\$\{\{/m);
  const columns = (line: string) => line.replace(/\\\|/g, "").split("|").length;
  const tables = (body[0] ?? "").split("\n\n").filter((part) => part.startsWith("|"));
  assert.equal(tables.length, 4);
  for (const table of tables) {
    assert.equal(new Set(table.split("\n").map(columns)).size, 1, table);
  }
});
