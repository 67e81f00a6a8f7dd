import assert from "node:assert/strict";
import { test } from "node:test";
import { inWorkspace, readFacts } from "./facts.js";

const CONFIG = `
name: support-tickets
description: Answers
data:
  schema: schema.json
  splits:
    train: [train/*.jsonl, ../shared/more.jsonl]
    validation: validation.jsonl
  mix:
    - { project: product-faq, weight: 0.3 }
train: { base: models/tiny }
evals:
  - { name: answers, data: evals/answers.jsonl }
refresh: { sources: [{ name: logs, type: logs }] }
`;

const EMPTY = {
  dir: "d",
  name: null,
  description: "",
  splits: null,
  schema: null,
  mix: [],
  base: null,
  suites: [],
  hasSources: false,
};

test("readFacts takes paths from the workspace's root", async () => {
  assert.deepEqual(await readFacts("datasets/support", CONFIG), {
    dir: "datasets/support",
    name: "support-tickets",
    description: "Answers",
    splits: new Map([
      ["train", ["datasets/support/train/*.jsonl", "datasets/shared/more.jsonl"]],
      ["validation", ["datasets/support/validation.jsonl"]],
    ]),
    schema: "datasets/support/schema.json",
    mix: ["product-faq"],
    base: "models/tiny",
    suites: ["datasets/support/evals/answers.jsonl"],
    hasSources: true,
  });
});

test("readFacts leaves out what is wrong, and never throws", async () => {
  const wrong =
    "name: [1]\ndata: { splits: 3, schema: [x], mix: {a: 1} }\ntrain: []\nevals: [1, {data: 2}]\nrefresh: { sources: {} }";
  for (const text of ["", "- 1", "a: [", "name: &a [*a]", "\0", wrong]) {
    assert.deepEqual(await readFacts("d", text), EMPTY, JSON.stringify(text));
  }
});

for (const [what, text] of [
  ["nests 100,000 levels", `a: ${"[".repeat(100_000)}`],
  ["nests 100,000 levels of blocks", `a:\n  ${"- ".repeat(100_000)}`],
  ["has 20,000 aliases", `a: &a x\nb: [${"*a,".repeat(20_000)}]\n`],
  ["is longer than 256 KiB", `# ${"x".repeat(2 ** 18)}`],
] as const) {
  test(`readFacts leaves out a config that ${what}, at once`, { timeout: 20_000 }, async () => {
    assert.deepEqual(await readFacts("d", `name: demo\n${text}`), EMPTY);
  });
}

test("readFacts refuses names that a shell or an option parser would read as more than a word", async () => {
  const bad = ["a b", "a;id", "$(id)", "`id`", "-x", "../x", "a/b", "a\nb", "a%PATH%", "é", "", "x".repeat(129)];
  for (const name of bad)
    assert.equal((await readFacts("d", JSON.stringify({ name }))).name, null, JSON.stringify(name));
});

test("inWorkspace refuses paths that leave it", () => {
  assert.equal(inWorkspace("datasets/a", "../../models/x"), "models/x");
  for (const path of ["../../../x", "../../..", "/etc/passwd", "", 3, null]) {
    assert.equal(inWorkspace("datasets/a", path), null, String(path));
  }
});
