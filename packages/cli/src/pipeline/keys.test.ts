import assert from "node:assert/strict";
import { test } from "node:test";
import { type EvalRow, type Row, resolveConfig, type WrittenConfig } from "@gitune/core";
import { evalKey, projectFingerprint, suiteSha256, trainKey } from "./keys.js";

const written: WrittenConfig = {
  name: "colors",
  version: "1.0.0",
  data: { format: "messages", splits: { train: "train.jsonl" } },
  train: { base: "models/tiny" },
  evals: [{ name: "answers", data: "a.jsonl", metrics: ["rougeL"] }],
};
const config = resolveConfig(written);
const project = { config, root: "/repo", dir: "datasets/colors", configFile: "datasets/colors/gitune.yaml" };
const rows: readonly Row[] = ["a", "b"].map((hash, at) => ({
  key: hash,
  hash,
  value: { text: hash },
  content: { kind: "text", text: hash },
  file: "datasets/colors/train.jsonl",
  line: at + 1,
}));
const evalRows: readonly EvalRow[] = [
  { id: "e", prompt: { kind: "text", text: "?" }, references: ["blue"], tags: [], file: "a.jsonl", line: 1 },
];
const base = { sha256: "1", templateSha256: "2" };
const environment = { engine: "1", device: "cpu-x64" };
const trained = { rows, validation: [], config: config.train, base, environment };

test("an adapter's key: what changes its bytes, and nothing else", () => {
  const key = trainKey(trained);
  const same = [
    { ...trained, config: { ...config.train, device: "cpu" as const } },
    {
      ...trained,
      config: { ...config.train, checkpointSteps: 7, lossSpikeFactor: 0, reportTo: ["tensorboard"] as const },
    },
    { ...trained, rows: rows.map((row) => ({ ...row, file: "elsewhere.jsonl", line: row.line + 5 })) },
  ];
  for (const parts of same) assert.equal(trainKey(parts), key);
  const other = [
    { ...trained, config: { ...config.train, seed: 43 } },
    { ...trained, config: { ...config.train, learningRate: 2e-4 } },
    { ...trained, rows: [...rows].reverse() },
    { ...trained, rows: rows.slice(1) },
    { ...trained, validation: rows },
    { ...trained, base: { ...base, sha256: "x" } },
    { ...trained, base: { ...base, templateSha256: "x" } },
    { ...trained, environment: { ...environment, device: "cuda" } },
    { ...trained, environment: { ...environment, engine: "2" } },
  ];
  assert.equal(new Set([key, ...other.map(trainKey)]).size, other.length + 1);
});

test("a suite's key: its rows as they say, its settings, the model; not where the rows stand", () => {
  const [suite] = config.evals;
  assert.ok(suite);
  const parts = { suite, rows: evalRows, confidence: 0.95, seed: 1, adapterSha256: "a", base, environment };
  const key = evalKey(parts);
  assert.equal(evalKey({ ...parts, suite: { ...suite, data: "moved.jsonl" } }), key);
  assert.equal(evalKey({ ...parts, rows: evalRows.map((row) => ({ ...row, line: 9 })) }), key);
  const other = [
    { ...parts, adapterSha256: null },
    { ...parts, confidence: 0.9 },
    { ...parts, suite: { ...suite, metrics: ["rouge1"] } },
    { ...parts, rows: evalRows.map((row) => ({ ...row, references: ["red"] })) },
  ];
  assert.equal(new Set([key, ...other.map(evalKey)]).size, other.length + 1);
  assert.match(suiteSha256(evalRows), /^[0-9a-f]{64}$/);
});

test("a project is unchanged where rows, recipe, suites and gate are; its card does not count", () => {
  const [suite] = config.evals;
  assert.ok(suite);
  const suites = [{ suite, rows: evalRows }];
  const read = { rows, validation: [] };
  const is = projectFingerprint(project, read, suites);
  const renamed = { ...project, config: { ...config, version: "1.0.1", description: "Better words." } };
  assert.equal(projectFingerprint(renamed, read, suites), is);
  const gate = { ...config.gate, confidence: 0.9 };
  assert.notEqual(projectFingerprint({ ...project, config: { ...config, gate } }, read, suites), is);
  assert.notEqual(projectFingerprint(project, { ...read, rows: rows.slice(1) }, suites), is);
  assert.notEqual(projectFingerprint(project, { ...read, validation: rows }, suites), is);
  assert.notEqual(projectFingerprint(project, read, []), is);
});
