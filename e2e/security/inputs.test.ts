/** What a pull request can put into configs, schemas, paths and rows: read by the real command, in bounded time. */
import assert from "node:assert/strict";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";

const { jsonl, TestRepository } = (await import(
  join(REPOSITORY, "packages/cli/dist/testing.js")
)) as typeof import("../../packages/cli/dist/testing.js");
type TestRepository = InstanceType<typeof TestRepository>;

const CONFIG = `name: colours
data: { format: prompt-completion, splits: { train: train.jsonl } }
train: { base: models/tiny }
checks: { tokens: off }
`;
const WITH_SCHEMA = CONFIG.replace("splits:", "schema: schema.json, splits:");
const SUITE = "evals: [{ name: s, data: e.jsonl, metrics: [rouge1] }]\n";
const FOLDER = "datasets/colours";
const FILES = {
  "models/tiny/config.json": "{}",
  [`${FOLDER}/gitune.yaml`]: CONFIG,
  [`${FOLDER}/train.jsonl`]: jsonl([{ prompt: `${"a".repeat(60)}b`, completion: "red" }]),
};

function project(t: TestContext, files: ConstructorParameters<typeof TestRepository>[0] = {}): TestRepository {
  const made = new TestRepository({ ...FILES, ...files });
  t.after(() => made.remove());
  return made;
}

/** A command that does not end is killed: then it has no exit code. */
async function validate(repository: TestRepository, nodeArgs: readonly string[] = []) {
  const answer = await repository.gitune(["validate", "--json"], {
    nodeArgs,
    onSpawn: (child) => void setTimeout(() => child.kill("SIGKILL"), 120_000).unref(),
  });
  const codes = [...answer.stdout.matchAll(/"code": "([^"]+)"/g)].map(([, code = ""]) => code);
  return { ...answer, codes };
}

describe("a config", () => {
  for (const [name, text] of [
    ["20,000 aliases", `a: &a x\nb: [${"*a,".repeat(20_000)}]\n`],
    ["2,000 lists inside each other", `a: ${"[".repeat(2000)}`],
  ] as const) {
    it(`with ${name} is refused`, async (t) => {
      const { code, codes, stdout } = await validate(project(t, { [`${FOLDER}/gitune.yaml`]: `${CONFIG}${text}` }));
      assert.equal(code, 2, stdout);
      assert.ok(codes.includes("config.yaml"), stdout);
    });
  }
});

describe("a row schema", () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => {
      const next = { $ref: `#/$defs/d${i + 1}` };
      return [`d${i}`, { allOf: [next, next] }];
    }),
  );
  for (const [name, schema, expected] of [
    ["that backtracks without end", '{"properties":{"prompt":{"pattern":"^(a+)+$"}}}', "schema.slow"],
    ["that names its keyword in escapes", '{"properties":{"prompt":{"\\u0070attern":"^(a+)+$"}}}', "schema.slow"],
    [
      "whose references double 40 times",
      JSON.stringify({ $ref: "#/$defs/d0", $defs: { ...doubling, d40: {} } }),
      "schema.slow",
    ],
    ["with a reference to a file", '{"$ref":"file:///etc/passwd"}', "schema.ref"],
  ] as const) {
    it(`${name} is refused`, async (t) => {
      const files = { [`${FOLDER}/gitune.yaml`]: WITH_SCHEMA, [`${FOLDER}/schema.json`]: schema };
      const { codes, code, stdout } = await validate(project(t, files));
      assert.deepEqual(codes, [expected], stdout);
      assert.ok(code === 1 || code === 2);
    });
  }
});

describe("a path", () => {
  const outside = new TestRepository({ "secret.jsonl": jsonl([{ prompt: "TOP-SECRET", completion: 7 }]) });
  after(() => outside.remove());

  for (const path of ["../../../secret.jsonl", "/etc/passwd", "..\\..\\secret.jsonl", "C:/secret.jsonl"]) {
    it(`of a split, a schema and a suite, ${path}, is not followed`, async (t) => {
      const at = JSON.stringify(path);
      const data = CONFIG.replace("splits: { train: train.jsonl }", `schema: ${at}, splits: { train: ${at} }`);
      const text = `${data}${SUITE.replace("e.jsonl", at)}`;
      const { code, codes, stdout } = await validate(project(t, { [`${FOLDER}/gitune.yaml`]: text }));
      assert.deepEqual([code, codes], [2, ["config.path", "config.path", "config.path"]], stdout);
    });
  }

  for (const [what, config, link] of [
    ["a split", CONFIG, "train.jsonl"],
    ["a schema", WITH_SCHEMA, "schema.json"],
    ["a suite", `${CONFIG}${SUITE}`, "e.jsonl"],
  ] as const) {
    for (const target of [join(outside.root, "secret.jsonl"), "/dev/zero"]) {
      it(`of ${what} that is a symlink to ${target === "/dev/zero" ? target : "another folder"} is not read`, async (t) => {
        const repository = project(t, { [`${FOLDER}/gitune.yaml`]: config });
        rmSync(join(repository.root, FOLDER, link), { force: true });
        symlinkSync(target, join(repository.root, FOLDER, link));
        const { code, codes, stdout, stderr } = await validate(repository);
        assert.ok(code === 1 || code === 2, stdout + stderr);
        assert.ok(codes.includes("data.outside"), stdout);
        assert.ok(!`${stdout}${stderr}`.includes("TOP-SECRET"));
      });
    }
  }
});

it("100 MB without a line feed are one issue, in little memory", async (t) => {
  const repository = project(t, { [`${FOLDER}/train.jsonl`]: Buffer.alloc(100 * 1024 * 1024, "a") });
  const { code, codes, stderr } = await validate(repository, ["--max-old-space-size=128"]);
  assert.deepEqual([code, codes], [1, ["jsonl.row-too-long"]], stderr);
});
