import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GituneError } from "../issue.js";
import { configText, tempDir, tempRepo } from "../testing/temp-repo.js";
import { discoverProjects, findRepoRoot } from "./discover.js";
import { readConfig } from "./read.js";
import { resolveConfig } from "./resolve.js";
import { CONFIG_SCHEMA } from "./schema.js";

const FILE = "datasets/demo/gitune.yaml";

test("the example of the contract is valid, with its values in place", async (t) => {
  const repo = tempRepo(t, {
    [FILE]: `
name: support-tickets
version: 1.3.0
license: cc-by-4.0
language: [en]
description: Answers to support tickets.
data:
  format: messages
  columns: {}
  schema: schema.json
  id: id
  splits:
    train: train/*.jsonl
    validation: validation.jsonl
checks:
  duplicates: error
  near-duplicates: { level: warning, threshold: 0.8 }
  contamination: error
  secrets: error
  pii: warning
  tokens: { level: error, max: 2048 }
train:
  base: HuggingFaceTB/SmolLM2-135M-Instruct
  revision: ${"0123456789abcdef".repeat(4).slice(0, 40)}
  engine: native
  compute: f32
  device: auto
  technique: { type: lora, r: 8, alpha: 16, dropout: 0, targets: [q_proj, v_proj] }
  epochs: 3
  batch_size: 8
  micro_batch_size: 4
  max_length: 512
  overflow: error
  packing: false
  learning_rate: 1.0e-4
  schedule: cosine
  seed: 42
evals:
  - name: answers
    data: evals/answers.jsonl
    metrics: [rougeL, bleu, exact_match]
    generation: { max_new_tokens: 64, temperature: 0.5, top_p: 0.9, top_k: 40, repetition_penalty: 1.1, stop: "\\n\\n" }
gate:
  confidence: 0.95
  rules:
    - { suite: answers, metric: rougeL, max_regression: 0.01 }
    - { suite: answers, metric: exact_match, min: 0.80 }
    - { suite: answers, metric: rougeL, slice: billing, max_regression: 0.03 }
publish: { hub: acme/support-tickets-lora, private: true }
refresh: { sources: [ { type: command, name: feedback, command: [./pull.sh], into: train/new.jsonl } ], schedule: nightly, drift: { max: 0.1 } }
`,
  });
  const { config, issues } = await readConfig(repo.root, FILE);
  assert.deepEqual(issues, []);
  assert.equal(config?.train.microBatchSize, 4);
  assert.deepEqual(config?.data.splits["train"], ["train/*.jsonl"]);
  assert.deepEqual(config?.checks["tokens"], { level: "error", max: 2048 });
  assert.equal(config?.gate.rules[1]?.min, 0.8);
  assert.deepEqual(config?.refresh?.drift, { max: 0.1 });
  assert.deepEqual(config?.evals[0]?.generation, {
    maxNewTokens: 64,
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    repetitionPenalty: 1.1,
    stop: ["\n\n"],
  });
});

test("defaults fill what is not written, and 0 stays 0", () => {
  const written = {
    name: "x",
    data: { format: "text", splits: { train: "a.jsonl" } },
    train: { base: "m", batch_size: 12, seed: 0, warmup_ratio: 0 },
  } as const;
  const { train, checks, gate, evals } = resolveConfig(written);
  assert.deepEqual(
    [train.seed, train.warmupRatio, train.maxLength, train.batchSize, train.microBatchSize],
    [0, 0, 512, 12, 6],
  );
  assert.deepEqual(train.technique, {
    type: "lora",
    r: 8,
    alpha: 16,
    dropout: 0,
    targets: ["q_proj", "v_proj"],
    rslora: false,
  });
  assert.deepEqual(Object.keys(checks), ["duplicates", "contamination", "tokens"]);
  assert.deepEqual(
    [train.evalSteps, train.earlyStopping, train.loadBestModelAtEnd, train.lossSpikeFactor, train.reportTo],
    [null, null, false, 2, []],
  );
  assert.deepEqual([gate.confidence, gate.inconclusive, gate.rules, evals], [0.95, "allow", [], []]);
});

test("early stopping keeps the best, unless it is told not to", () => {
  const resolve = (train: object) =>
    resolveConfig({
      name: "x",
      data: { format: "text", splits: { train: "a.jsonl" } },
      train: { base: "m", ...train },
    });
  const stopping = resolve({ early_stopping: {} }).train;
  assert.deepEqual([stopping.earlyStopping, stopping.loadBestModelAtEnd], [{ patience: 3, minDelta: 0 }, true]);
  assert.equal(resolve({ early_stopping: {}, load_best_model_at_end: false }).train.loadBestModelAtEnd, false);
  assert.deepEqual(resolve({ eval_steps: 0, loss_spike_factor: 0 }).train.evalSteps, 0);
});

const BAD: readonly [
  name: string,
  text: string,
  code: string,
  pointer: string | undefined,
  line: number | undefined,
  fix?: RegExp,
][] = [
  [
    "an unknown key",
    configText({ train: "  batchsize: 3" }),
    "config.unknown-key",
    "/train/batchsize",
    7,
    /"batch_size"/,
  ],
  [
    "an unknown check",
    configText({ more: "checks: { duplicate: error }" }),
    "config.unknown-key",
    "/checks/duplicate",
    7,
    /"duplicates"/,
  ],
  [
    "an unknown option of a technique",
    configText({ train: "  technique: { type: lora, rank: 3 }" }),
    "config.unknown-key",
    "/train/technique/rank",
    7,
  ],
  [
    "a wrong format",
    configText().replace("prompt-completion", "mesages"),
    "config.enum",
    "/data/format",
    3,
    /"messages"/,
  ],
  ["a missing key", "name: x\ntrain: { base: m }\n", "config.required", "/data", 1],
  ["a wrong type", configText({ train: "  epochs: three" }), "config.type", "/train/epochs", 7],
  [
    "a version that YAML takes for a number",
    configText({ more: "version: 1.0" }),
    "config.type",
    "/version",
    7,
    /quotes/,
  ],
  ["a number out of range", configText({ train: "  learning_rate: 0" }), "config.range", "/train/learning_rate", 7],
  ["no semantic version", configText({ more: "version: v1" }), "config.pattern", "/version", 7],
  ["a short revision", configText({ train: "  revision: main" }), "config.pattern", "/train/revision", 7],
  [
    "a revision of a path",
    configText({ train: `  revision: ${"a".repeat(40)}` }).replace("models/tiny", "./tiny"),
    "config.revision",
    "/train/revision",
    7,
  ],
  [
    "a revision of what is no id",
    configText({ train: `  revision: ${"a".repeat(40)}` }).replace("models/tiny", "models--a/tiny"),
    "config.base",
    "/train/base",
    6,
  ],
  ["a base out of the repository", configText().replace("models/tiny", "../../../m"), "config.path", "/train/base", 6],
  [
    "a split out of the project",
    configText().replace("train.jsonl", "../x.jsonl"),
    "config.path",
    "/data/splits/train",
    4,
  ],
  ["an absolute path", configText().replace("train.jsonl", "/etc/passwd"), "config.path", "/data/splits/train", 4],
  [
    "a schema out of the repository",
    configText({ data: "  schema: ../../../s.json" }),
    "config.path",
    "/data/schema",
    5,
  ],
  [
    "no train split",
    configText().replace("train: train.jsonl", "tain: train.jsonl"),
    "config.no-train-split",
    "/data/splits",
    4,
    /rename/,
  ],
  [
    "a micro batch that does not divide",
    configText({ train: "  micro_batch_size: 3" }),
    "config.micro-batch",
    "/train/micro_batch_size",
    7,
  ],
  [
    "early stopping without a validation split",
    configText({ train: "  early_stopping: { patience: 2 }" }),
    "config.validation",
    "/train/early_stopping",
    7,
    /data\.splits\.validation/,
  ],
  [
    "the best of no validation loss",
    configText({ train: "  eval_steps: 0\n  load_best_model_at_end: true" }).replace(
      "train: train.jsonl",
      "train: train.jsonl, validation: v.jsonl",
    ),
    "config.validation",
    "/train/load_best_model_at_end",
    8,
    /eval_steps/,
  ],
  ["mix", configText({ data: "  mix: [{ project: a, weight: 0.5 }]" }), "config.unsupported", "/data/mix", 5],
  [
    "two suites of one name",
    configText({
      more: "evals:\n  - { name: a, data: a.jsonl, metrics: [m] }\n  - { name: a, data: b.jsonl, metrics: [m] }",
    }),
    "config.duplicate-name",
    "/evals/1/name",
    9,
  ],
  [
    "a rule without its suite",
    configText({
      more: "evals: [{ name: answers, data: a.jsonl, metrics: [m] }]\ngate: { rules: [{ suite: answer, metric: m, min: 1 }] }",
    }),
    "config.unknown-suite",
    "/gate/rules/0/suite",
    8,
    /"answers"/,
  ],
  [
    "a rule without its metric",
    configText({
      more: "evals: [{ name: a, data: a.jsonl, metrics: [rougeL] }]\ngate: { rules: [{ suite: a, metric: rougel2, min: 1 }] }",
    }),
    "config.unknown-metric",
    "/gate/rules/0/metric",
    8,
    /"rougeL"/,
  ],
  [
    "a rule with two limits",
    configText({
      more: "evals: [{ name: a, data: a.jsonl, metrics: [m] }]\ngate: { rules: [{ suite: a, metric: m, min: 1, max: 2 }] }",
    }),
    "config.gate-rule",
    "/gate/rules/0",
    8,
  ],
  ["a key twice", configText({ more: "name: again" }), "config.duplicate-key", undefined, 7],
  ["two documents", `${configText()}---\nname: b\n`, "config.yaml", undefined, undefined],
  ["a glob without quotes", configText().replace("train.jsonl", "*.jsonl"), "config.yaml", undefined, 4, /quotes/],
  ["a tag", configText({ more: "description: !!js/function x" }), "config.yaml", undefined, 7],
  ["a syntax error", "name: [a\n", "config.yaml", undefined, undefined],
  ["an alias of itself", "name: &a [*a]\n", "config.yaml", undefined, 1],
  ["nothing", "# only a comment\n", "config.empty", undefined, 1],
];
for (const [name, text, code, pointer, line, fix] of BAD) {
  test(`${name} is ${code}`, async (t) => {
    const repo = tempRepo(t, { [FILE]: text });
    const { config, issues } = await readConfig(repo.root, FILE);
    assert.equal(config, null);
    const issue = issues.find((found) => found.code === code);
    assert.ok(issue, JSON.stringify(issues));
    assert.equal(issue.file, FILE);
    if (pointer !== undefined) assert.equal(issue.pointer, pointer);
    if (line !== undefined) assert.equal(issue.line, line);
    if (fix) assert.match(issue.fix ?? "", fix);
  });
}

test("an alias bomb is refused, and quickly", async (t) => {
  const levels = Array.from(
    { length: 20 },
    (_, index) => `l${index + 1}: &l${index + 1} [${Array(10).fill(`*l${index}`).join(", ")}]`,
  );
  const repo = tempRepo(t, { [FILE]: `l0: &l0 [x]\n${levels.join("\n")}\n` });
  const { issues } = await readConfig(repo.root, FILE);
  assert.equal(issues[0]?.code, "config.yaml");
});

test("plain aliases work", async (t) => {
  const repo = tempRepo(t, { [FILE]: configText({ more: "license: &l mit\ndescription: *l" }) });
  const { config } = await readConfig(repo.root, FILE);
  assert.equal(config?.description, "mit");
});

test("projects are found anywhere below datasets/, sorted by name", async (t) => {
  const repo = tempRepo(t, {
    "datasets/b/gitune.yaml": configText({ name: "beta" }),
    "datasets/deep/er/gitune.yaml": configText({ name: "alpha" }),
    "datasets/node_modules/gitune.yaml": configText({ name: "no" }),
    "elsewhere/gitune.yaml": configText({ name: "no" }),
  });
  const { projects, issues } = await discoverProjects(repo.root);
  assert.deepEqual(issues, []);
  assert.deepEqual(
    projects.map(({ config, dir, configFile }) => [config.name, dir, configFile]),
    [
      ["alpha", "datasets/deep/er", "datasets/deep/er/gitune.yaml"],
      ["beta", "datasets/b", "datasets/b/gitune.yaml"],
    ],
  );
  assert.deepEqual(
    (await discoverProjects(repo.root, ["beta"])).projects.map(({ config }) => config.name),
    ["beta"],
  );
});

test("one name for two projects is an issue; an unknown name an error with the nearest one", async (t) => {
  const repo = tempRepo(t, {
    "datasets/a/gitune.yaml": configText({ name: "tickets" }),
    "datasets/b/gitune.yaml": configText({ name: "tickets" }),
  });
  const { issues } = await discoverProjects(repo.root);
  assert.deepEqual(
    issues.map(({ code, file }) => [code, file]),
    [["config.duplicate-name", "datasets/b/gitune.yaml"]],
  );
  await assert.rejects(discoverProjects(repo.root, ["ticket"]), (error: unknown) => {
    assert.ok(error instanceof GituneError);
    assert.deepEqual(
      [error.exitCode, error.issues[0]?.code, error.issues[0]?.fix],
      [2, "project.unknown", 'did you mean "tickets"?'],
    );
    return true;
  });
});

test("the repository's root is the folder with .git, else the one with datasets/", async (t) => {
  const repo = tempRepo(t, { "datasets/a/b/x": "x" });
  assert.equal(findRepoRoot(join(repo.root, "datasets", "a", "b")), repo.root);
  const plain = tempDir(t);
  mkdirSync(join(plain, "datasets", "x"), { recursive: true });
  assert.equal(findRepoRoot(join(plain, "datasets", "x")), plain);
});

test("a config that is a symlink out of the repository is not read", async (t) => {
  const outside = tempRepo(t, { "gitune.yaml": configText() });
  const repo = tempRepo(t, { "datasets/a/x": "x" });
  symlinkSync(join(outside.root, "gitune.yaml"), join(repo.root, "datasets", "a", "gitune.yaml"));
  assert.deepEqual((await discoverProjects(repo.root)).projects, []);
});

test("the published schema is the one in use", () => {
  const published: unknown = JSON.parse(
    readFileSync(new URL("../../schemas/gitune.schema.json", import.meta.url), "utf8"),
  );
  assert.deepEqual(published, CONFIG_SCHEMA);
});

test("where the base is on the Hub is said where its place here is a path, in full", async (t) => {
  const revision = "0123456789".repeat(4);
  const codesOf = async (publish: string) => {
    const repo = tempRepo(t, { [FILE]: configText({ more: `publish: { hub: acme/lora, ${publish} }` }) });
    const { config, issues } = await readConfig(repo.root, FILE);
    return { publish: config?.publish, codes: issues.map(({ code, pointer }) => [code, pointer]) };
  };
  assert.deepEqual(await codesOf(`base: acme/tiny, revision: "${revision}"`), {
    publish: { hub: "acme/lora", private: true, base: "acme/tiny", revision },
    codes: [],
  });
  assert.deepEqual((await codesOf("base: acme/tiny")).codes, [["config.revision", "/publish"]]);
  assert.deepEqual((await codesOf(`base: /etc/passwd, revision: "${revision}"`)).codes, [
    ["config.pattern", "/publish/base"],
  ]);
});
