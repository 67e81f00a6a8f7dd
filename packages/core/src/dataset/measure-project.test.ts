import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { GituneError } from "../issue.js";
import { type Files, tempProject } from "../testing/temp-repo.js";
import { LabelTally } from "./label-tally.js";
import { measureProject } from "./measure-project.js";
import { scriptOf } from "./script-of.js";

const CONFIG = `name: demo
language: [en, ru]
data: { format: prompt-completion, splits: { train: train.jsonl, validation: validation.jsonl } }
train: { base: models/tiny, max_length: 10 }
evals: [{ name: answers, data: answers.jsonl, metrics: [accuracy] }]
`;

const project = (t: TestContext, files: Files) => tempProject(t, files, CONFIG);
const ask = (prompt: string, completion: string) => ({ prompt, completion });
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

test("counts what can be used, and says how much cannot", async (t) => {
  const train = [
    ask("Is it on?", "yes"),
    ask("Ist es an?", "no"),
    ask("Is it on?", "yes"),
    ask("Оно включено?", "yes"),
    ask("Ist es aus?", "no"),
    ask("Is it off?", "no"),
    ask("refused", "yes"),
    { prompt: "no answer" },
  ];
  const demo = await project(t, {
    "train.jsonl": `\ufeff${lines(train)}\n{"prompt":\n`,
    "validation.jsonl": [ask("Is it on?", "yes")],
    "answers.jsonl": ["a", "b", "b"].map((label, index) => ({ prompt: `p${index}`, label })),
  });
  const countTokens = (content: unknown) => {
    const { prompt } = content as { readonly prompt: string };
    if (prompt === "refused") throw new GituneError({ code: "row.invalid", severity: "error", message: "no" });
    return { total: prompt.length, supervised: 1 };
  };
  const { splits, ...rest } = await measureProject(demo, { countTokens });
  assert.deepEqual(rest, {
    name: "demo",
    format: "prompt-completion",
    languages: ["en", "ru"],
    suites: [{ suite: "answers", rows: 3, labels: null }],
  });
  const [first, second] = splits;
  assert.deepEqual(first, {
    split: "train",
    files: 1,
    bytes: first?.bytes,
    rows: 9,
    unfit: 3,
    duplicates: 1,
    characters: { total: 83, min: 13, p50: 13, p95: 17, max: 17 },
    tokens: { total: 62, min: 9, p50: 10, p95: 13, max: 13, supervised: 6, over: 2 },
    labels: [
      { label: "no", rows: 3 },
      { label: "yes", rows: 3 },
    ],
    scripts: { Latin: 5, Cyrillic: 1 },
  });
  assert.deepEqual([second?.split, second?.rows, second?.unfit, second?.duplicates], ["validation", 1, 0, 1]);
  assert.equal((await measureProject(demo)).splits[0]?.tokens, null);
});

test("a file that was not downloaded, and a split without files, are no numbers", async (t) => {
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
  const files = { "train.jsonl": pointer, "validation.jsonl": [ask("a", "b")], "answers.jsonl": "" };
  const codeOf = (error: unknown) => error instanceof GituneError && error.issues[0]?.code;
  await assert.rejects(measureProject(await project(t, files)), (error) => codeOf(error) === "jsonl.lfs");
  const { "train.jsonl": _, ...without } = files;
  await assert.rejects(measureProject(await project(t, without)), (error) => codeOf(error) === "data.no-files");
});

test("answers are labels where they are few, short, and come again", () => {
  const labelsOf = (answers: readonly (string | undefined)[]) => {
    const tally = new LabelTally();
    for (const answer of answers) tally.add(answer);
    return tally.labels();
  };
  const thrice = (answers: readonly string[]) => answers.flatMap((answer) => [answer, answer, answer]);
  const count = (size: number) => Array.from({ length: size }, (_, index) => `label ${index}`);
  assert.equal(labelsOf([]), null);
  assert.equal(labelsOf(thrice(count(20)))?.length, 20);
  assert.equal(labelsOf(thrice(count(21))), null);
  assert.equal(labelsOf(["a", "a", "b", "b", "b"]), null);
  assert.equal(labelsOf([...thrice(["a"]), undefined]), null);
  assert.equal(labelsOf(thrice(["x".repeat(31)])), null);
  assert.deepEqual(labelsOf(thrice(["me@acme.dev"])), [{ label: "an e-mail address", rows: 3 }]);
});

test("a text's script is that of most of its letters", () => {
  const cases: readonly (readonly [text: string, script: string])[] = [
    ["What is 2 + 2? ¿Qué?", "Latin"],
    ["日本語のテキストです、OK", "Han and kana"],
    ["हिन्दी में एक लंबा वाक्य in English", "Devanagari"],
    ["سلام, hi", "Arabic"],
    ["ꦱꦸꦒꦼꦁ ꦲꦺꦤ꧀ꦗꦁ a", "other"],
    ["12 + 3 = 15 🙂", "none"],
  ];
  assert.deepEqual(
    cases.map(([text]) => [text, scriptOf(text)]),
    cases,
  );
});
