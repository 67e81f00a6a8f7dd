import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { GituneError, type Issue } from "../issue.js";
import type { RowContent } from "../row.js";
import { configText, type Files, tempDir, tempProject } from "../testing/temp-repo.js";
import { loadRows } from "./read-rows.js";
import { readSuite } from "./read-suite.js";
import { readSuites, validateFile, validateProject } from "./validate.js";

const message = (role: string, content: string) => ({ role, content });
const ROW = { prompt: "Say hello", completion: "hello" };

async function issuesOf(t: TestContext, files: Files, config?: string): Promise<readonly Issue[]> {
  return (await validateProject(await tempProject(t, files, config))).issues;
}
const short = (issues: readonly Issue[]) => issues.map(({ code, line, pointer }) => [code, line, pointer]);

test("a clean project has no issues, and its numbers are right", async (t) => {
  const rows = [ROW, { prompt: "Say bye", completion: "bye" }];
  const events: number[] = [];
  const result = await validateProject(await tempProject(t, { "train.jsonl": rows }), {
    onProgress: ({ done, total }) => events.push(done / total),
  });
  assert.deepEqual(result, {
    name: "demo",
    files: 1,
    rows: 2,
    bytes: rows.map((row) => JSON.stringify(row).length + 1).reduce((a, b) => a + b),
    issues: [],
    suppressed: 0,
  });
  assert.equal(events.at(-1), 1);
});

test("ids are keys; a missing or repeated one is an error", async (t) => {
  const rows = [
    { ...ROW, id: "a" },
    { prompt: "x", completion: "y", id: "a" },
    { prompt: "z", completion: "y" },
  ];
  const config = configText({ data: "  id: id" });
  assert.deepEqual(short(await issuesOf(t, { "train.jsonl": rows }, config)), [
    ["data.duplicate-id", 2, undefined],
    ["row.id", 3, "/id"],
  ]);
  assert.equal(
    (await loadRows(await tempProject(t, { "train.jsonl": rows.slice(0, 1) }, config), "train"))[0]?.key,
    "a",
  );
});

test("a project's own schema adds to its format's", async (t) => {
  const schema = {
    $defs: { lang: { enum: ["en", "de"] } },
    properties: { lang: { $ref: "#/$defs/lang" } },
    required: ["lang"],
  };
  const config = configText({ data: "  schema: schema.json" });
  const issues = await issuesOf(
    t,
    { "schema.json": JSON.stringify(schema), "train.jsonl": [{ ...ROW, lang: "eng" }, ROW] },
    config,
  );
  assert.deepEqual(issues.map(({ code, pointer, column, fix }) => [code, pointer, column, fix]).slice(0, 2), [
    ["row.enum", "/lang", 51, 'did you mean "en"?'],
    ["row.required", "/lang", 1, undefined],
  ]);
});

for (const [name, schema, code] of [
  ["a schema that refers to the network", '{"$ref":"https://example.com/s.json"}', "schema.ref"],
  ["a schema with a bad keyword value", '{"type":"strin"}', "schema.invalid"],
  ["a schema that is no JSON", "{", "schema.invalid"],
  ["a schema of another draft", '{"$schema":"http://json-schema.org/draft-07/schema#"}', "schema.invalid"],
] as const) {
  test(`${name} is ${code}`, async (t) => {
    const issues = await issuesOf(
      t,
      { "schema.json": schema, "train.jsonl": [ROW] },
      configText({ data: "  schema: schema.json" }),
    );
    assert.deepEqual(
      issues.map((issue) => issue.code),
      [code],
    );
  });
}

test("duplicates: the same content is found whatever the id; across splits it is a leak", async (t) => {
  const config = configText().replace("{ train: train.jsonl }", "{ train: train.jsonl, validation: val.jsonl }");
  const issues = await issuesOf(
    t,
    {
      "train.jsonl": [
        { ...ROW, id: 1 },
        { ...ROW, id: 2 },
      ],
      "val.jsonl": [ROW],
    },
    config,
  );
  assert.deepEqual(
    issues.map(({ code, severity, line }) => [code, severity, line]),
    [
      ["data.duplicate", "error", 2],
      ["data.split-leak", "error", 1],
    ],
  );
  assert.deepEqual(
    await issuesOf(
      t,
      { "train.jsonl": [ROW, ROW], "val.jsonl": [{ prompt: "b", completion: "c" }] },
      `${config}checks: { duplicates: off }\n`,
    ),
    [],
  );
});

const WORDS = Array.from({ length: 60 }, (_, index) => `word${index}`);
const SUITE = "evals: [{ name: s, data: evals.jsonl, metrics: [exact_match] }]";

test("contamination: the same question, and most of a row's text; one common sentence and the instruction are none", async (t) => {
  const instruction = "Please answer the following question in one short sentence and do not add anything else to it:";
  const suite = [
    { prompt: "What is the capital of France?", references: ["Paris"] },
    { prompt: WORDS.join(" "), references: ["yes"] },
    ...["red", "green", "blue"].map((color) => ({ prompt: `${instruction} is it ${color}`, references: ["no"] })),
  ];
  const train = [
    { prompt: "what is the CAPITAL of france", completion: "Lyon" },
    { prompt: `Note. ${WORDS.slice(5, 55).join(" ")}`, completion: "ok" },
    { prompt: `${WORDS.slice(0, 20).join(" ")} and then something else`, completion: "ok" },
    { prompt: `${instruction} is it yellow`, completion: "no" },
  ];
  const found = await issuesOf(t, { "train.jsonl": train, "evals.jsonl": suite }, configText({ more: SUITE }));
  assert.deepEqual(
    found.map(({ code, line }) => [code, line]),
    [
      ["data.contamination", 1],
      ["data.contamination", 2],
    ],
  );
});

test("contamination looks at the suites of all projects", async (t) => {
  const mine = await tempProject(t, { "train.jsonl": [ROW] });
  const other = await tempProject(
    t,
    { "train.jsonl": [{ prompt: "x", completion: "y" }], "evals.jsonl": [{ prompt: "say hello!", references: ["x"] }] },
    configText({ more: SUITE }),
  );
  const { issues } = await validateProject(mine, { suitesOfRepo: await readSuites([other]) });
  assert.deepEqual(
    issues.map(({ code }) => code),
    ["data.contamination"],
  );
});

test("secrets and personal data are named by kind and place, never shown", async (t) => {
  const secret = `ghp_${"a1B2".repeat(9)}`;
  const key = `-----BEGIN ${"PRIVATE KEY"}-----`;
  const rows = [
    { prompt: "token", completion: `it is ${secret}` },
    { prompt: "key", completion: key },
    { prompt: "mail", completion: "write to jane.doe@corp.de" },
    { prompt: "phone", completion: "call +49 30 901820 or (030) 555-0100" },
    { prompt: "card", completion: "4111 1111 1111 1111" },
    { prompt: "fine", completion: "user@example.com, 4111 1111 1111 1112, version 1.2.3, 2024-01-31, 12345678901234" },
  ];
  const issues = await issuesOf(
    t,
    { "train.jsonl": rows },
    configText({ more: "checks: { secrets: error, pii: warning }" }),
  );
  assert.deepEqual(
    issues.map(({ code, line, pointer, message: text }) => [code, line, pointer, text.replace("the text holds ", "")]),
    [
      ["data.secret", 1, "/completion", "a GitHub token"],
      ["data.secret", 2, "/completion", "a private key"],
      ["data.pii", 3, "/completion", "an e-mail address"],
      ["data.pii", 4, "/completion", "a phone number"],
      ["data.pii", 5, "/completion", "a card number"],
    ],
  );
  assert.ok(!JSON.stringify(issues).includes(secret) && !JSON.stringify(issues).includes("jane"));
});

test("near-duplicates: one changed word is found, another text is not, the same text is the other rule's", async (t) => {
  const text = (change: number) => WORDS.map((word, index) => (index === change ? "other" : word)).join(" ");
  const rows = [text(-1), text(30), WORDS.map((word) => `x${word}`).join(" "), text(-1)].map((prompt, index) => ({
    prompt,
    completion: "y",
    n: index,
  }));
  const issues = await issuesOf(
    t,
    { "train.jsonl": rows },
    configText({ more: "checks: { near-duplicates: { level: note, threshold: 0.7 }, duplicates: off }" }),
  );
  assert.deepEqual(
    issues.map(({ code, severity, line }) => [code, severity, line]),
    [["data.near-duplicate", "note", 2]],
  );
});

test("tokens: too long, and nothing to learn; without a tokenizer the rule does not run", async (t) => {
  const demo = await tempProject(t, {
    "train.jsonl": [{ prompt: "long", completion: "x" }, { prompt: "none", completion: "x" }, ROW],
  });
  const countTokens = (content: RowContent) =>
    content.kind !== "completion"
      ? { total: 0, supervised: 0 }
      : { total: content.prompt === "long" ? 513 : 5, supervised: content.prompt === "none" ? 0 : 2 };
  assert.deepEqual(
    (await validateProject(demo, { countTokens })).issues.map(({ code, line }) => [code, line]),
    [
      ["row.too-long", 1],
      ["row.no-supervised-tokens", 2],
    ],
  );
  assert.deepEqual((await validateProject(demo)).issues, []);
});

test("issues are capped for each file, and the rest is counted", async (t) => {
  const rows = Array.from({ length: 80 }, (_, index) => ({ prompt: String(index) }));
  const { issues, suppressed } = await validateProject(await tempProject(t, { "train.jsonl": rows }));
  assert.deepEqual([issues.length, suppressed], [50, 30]);
});

test("a file out of the repository, no file, and a missing base are errors", async (t) => {
  const outside = join(tempDir(t), "x.jsonl");
  writeFileSync(outside, `${JSON.stringify(ROW)}\n`);
  const linked = await tempProject(
    t,
    {},
    configText().replace("train.jsonl", '"*.jsonl"').replace("models/tiny", "acme/tiny"),
  );
  assert.deepEqual((await validateProject(linked)).issues.map(({ code }) => code).sort(), [
    "config.base",
    "data.no-files",
  ]);
  symlinkSync(outside, join(linked.root, linked.dir, "train.jsonl"));
  const { issues } = await validateProject(linked);
  assert.deepEqual(issues.map(({ code }) => code).sort(), ["config.base", "data.outside"]);
  assert.match(issues.find(({ code }) => code === "config.base")?.fix ?? "", /revision/);
  await assert.rejects(loadRows(linked, "train"), GituneError);
});

test("an abort stops the work", async (t) => {
  const demo = await tempProject(t, { "train.jsonl": [ROW] });
  await assert.rejects(validateProject(demo, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("suites: prompts follow the project's format, labels become text, ids are unique", async (t) => {
  const suite = [
    { id: 7, prompt: "p", references: ["r"], tags: ["t"] },
    { messages: [message("user", "u")], label: true },
  ];
  for (const format of ["prompt-completion", "messages"]) {
    const rows = format === "messages" ? [{ messages: [message("user", "u"), message("assistant", "a")] }] : [ROW];
    const demo = await tempProject(
      t,
      { "train.jsonl": rows, "evals.jsonl": suite },
      configText({ more: SUITE }).replace("prompt-completion", format),
    );
    const [first, second] = await readSuite(demo, demo.config.evals[0] as (typeof demo.config.evals)[0]);
    const prompt =
      format === "messages" ? { kind: "messages", messages: [message("user", "p")] } : { kind: "text", text: "p" };
    assert.deepEqual(first, {
      id: "7",
      prompt,
      references: ["r"],
      tags: ["t"],
      file: "datasets/demo/evals.jsonl",
      line: 1,
    });
    assert.equal(second?.label, "true");
  }
  const bad = [
    { id: "a", prompt: "p" },
    { id: "b", prompt: "p", label: "x" },
    { id: "b", prompt: "q", label: "x" },
    { prompt: "q", messages: [message("user", "u")], label: "x" },
  ];
  const issues = await issuesOf(t, { "train.jsonl": [ROW], "evals.jsonl": bad }, configText({ more: SUITE }));
  assert.deepEqual(
    issues.map(({ code, line }) => [code, line]),
    [
      ["row.required", 1],
      ["data.duplicate-id", 3],
      ["row.invalid", 4],
    ],
  );
});

test("a gate's slice must be a tag of its suite", async (t) => {
  const config = configText({
    more: `${SUITE}\ngate: { rules: [{ suite: s, metric: exact_match, slice: biling, min: 0 }] }`,
  });
  const issues = await issuesOf(
    t,
    { "train.jsonl": [ROW], "evals.jsonl": [{ prompt: "p", label: "x", tags: ["billing"] }] },
    config,
  );
  assert.deepEqual(
    issues.map(({ code, fix }) => [code, fix]),
    [["config.unknown-slice", 'did you mean "billing"?']],
  );
});

test("a file can be validated without a project", async (t) => {
  const dir = tempDir(t);
  const [file, schema] = [join(dir, "x.jsonl"), join(dir, "s.json")];
  writeFileSync(file, '{"a":1}\n{"a":"x"}\n{"a":\n');
  writeFileSync(schema, '{"properties":{"a":{"type":"integer"}}}');
  const result = await validateFile(file, schema);
  assert.deepEqual(
    [result.rows, short(result.issues)],
    [
      2,
      [
        ["row.type", 2, "/a"],
        ["jsonl.parse", 3, undefined],
      ],
    ],
  );
});
