import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProjectFacts, readFacts } from "./facts.js";
import { inferTargets, nxName, type Tool } from "./targets.js";

const TOOL: Tool = { bin: "gitune", inputs: [{ externalDependencies: ["gitune"] }], baseRef: "origin/main" };
const NOTHING_AROUND = { baseFiles: [], mixed: [] };

const FULL = await readFacts(
  "datasets/a",
  `name: a
data: { schema: schema.json, splits: { train: train/*.jsonl }, mix: [{ project: b, weight: 1 }] }
train: { base: models/tiny }
evals: [{ name: s, data: evals/s.jsonl }]`,
);
const MIXED = await readFacts("datasets/b", "name: b\ndata: { splits: { train: rows.jsonl, validation: v.jsonl } }");

test("each verb has its inputs, outputs and predecessors", () => {
  const targets = inferTargets(FULL, { baseFiles: ["models/tiny/**/*"], mixed: [MIXED] }, TOOL);
  const config = "{projectRoot}/gitune.yaml";
  const rows = ["{projectRoot}/train/*.jsonl", "{workspaceRoot}/datasets/b/rows.jsonl"];
  const schema = "{projectRoot}/schema.json";
  const suite = "{projectRoot}/evals/s.jsonl";
  const base = "{workspaceRoot}/models/tiny/**/*";
  const tool = { externalDependencies: ["gitune"] };
  const shown = Object.entries(targets).map(([name, { cache, dependsOn, inputs, outputs, options }]) => {
    assert.equal(cache, true, name);
    return [name, options.command, dependsOn ?? [], inputs, outputs];
  });
  assert.deepEqual(shown, [
    ["validate", "gitune validate a", [], [config, ...rows, schema, suite, base, tool], []],
    [
      "train",
      'gitune train a --out "datasets/a/.gitune/adapter"',
      ["validate", { projects: ["b"], target: "validate" }],
      [config, ...rows, schema, base, tool],
      ["{projectRoot}/.gitune/adapter"],
    ],
    [
      "eval",
      'gitune eval a --adapter "datasets/a/.gitune/adapter" --out "datasets/a/.gitune/results.json"',
      ["train"],
      [config, suite, base, { dependentTasksOutputFiles: "**/*" }, tool],
      ["{projectRoot}/.gitune/results.json"],
    ],
    [
      "gate",
      "gitune run a --base origin/main",
      ["eval"],
      [config, ...rows, schema, suite, base, { runtime: "git merge-base HEAD origin/main" }, tool],
      ["{workspaceRoot}/.gitune/report/a"],
    ],
  ]);
  assert.equal(targets["gate"]?.parallelism, false);
});

test("a config that says less has fewer targets", () => {
  const names = (facts: ProjectFacts): string[] => Object.keys(inferTargets(facts, NOTHING_AROUND, TOOL));
  assert.deepEqual(names({ ...FULL, suites: [] }), ["validate", "train"]);
  assert.deepEqual(names({ ...FULL, base: null }), ["validate"]);
  assert.deepEqual(names({ ...FULL, name: null }), ["validate"]);
  const nameless = { ...FULL, dir: "datasets/x/folder", name: null };
  const { validate } = inferTargets(nameless, NOTHING_AROUND, TOOL);
  assert.equal(validate?.options.command, "gitune validate folder", "asked for by its folder");
});

test("refresh is there where rows come in by themselves, and never cached", () => {
  const sourced = { ...FULL, hasSources: true, suites: [] };
  const targets = inferTargets(sourced, NOTHING_AROUND, TOOL);
  assert.deepEqual(Object.keys(targets), ["validate", "refresh", "train"]);
  const { refresh } = targets;
  assert.deepEqual(
    [refresh?.options.command, refresh?.cache, refresh?.parallelism],
    ["gitune refresh a", false, false],
  );
  assert.deepEqual([refresh?.inputs, refresh?.outputs, refresh?.dependsOn], [undefined, undefined, undefined]);
});

test("nothing of a config or a folder's name reaches the shell but plain words", () => {
  const hostile = ['datasets/"; id; "', "datasets/$(id)", "datasets/`id`", "datasets/a\nb", "datasets/%PATH%"];
  for (const dir of hostile) {
    const named = inferTargets({ ...FULL, dir, hasSources: true }, NOTHING_AROUND, TOOL);
    assert.deepEqual(Object.keys(named), ["validate"], dir);
    assert.equal(named["validate"]?.cache, false, "nx may read such a folder's name as a pattern");
    assert.equal(named["validate"]?.options.command, "gitune validate a");
    const nameless = { ...FULL, dir, name: null };
    assert.equal(inferTargets(nameless, NOTHING_AROUND, TOOL)["validate"]?.options.command, "gitune validate");
    assert.match(nxName(nameless), /^[A-Za-z0-9._-]+$/);
  }
});

test("what is a plain character to gitune's globs and a pattern to nx's becomes a wildcard", () => {
  const splits = new Map([["train", ["datasets/a/[ab](1)!.jsonl", "datasets/a/{x,y}/**/*.jsonl"]]]);
  const { inputs = [] } = inferTargets({ ...FULL, splits }, NOTHING_AROUND, TOOL)["validate"] ?? {};
  assert.ok(inputs.includes("{projectRoot}/?ab??1??.jsonl"), String(inputs));
  assert.ok(inputs.includes("{projectRoot}/{x,y}/**/*.jsonl"), String(inputs));
});

test("without readable splits any row file of the project counts", () => {
  const { inputs } = inferTargets({ ...FULL, splits: null }, NOTHING_AROUND, TOOL)["validate"] ?? {};
  assert.ok(inputs?.includes("{projectRoot}/**/*.jsonl"));
});
