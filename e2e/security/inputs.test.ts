/** What a pull request can put into configs, schemas, paths and rows: read by the real command, in bounded time. */
import assert from "node:assert/strict";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import type { Files } from "../support/pull-request.js";
import { tinyBase } from "../support/tiny-base.js";

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
    ["100,000 lists inside each other", `a: ${"[".repeat(100_000)}`],
    ["100,000 lists inside each other, as blocks", `a:\n  ${"- ".repeat(100_000)}`],
    ["more than 256 KiB", `# ${"x".repeat(2 ** 18)}`],
  ] as const) {
    it(`with ${name} is refused`, async (t) => {
      const { code, codes, stdout } = await validate(project(t, { [`${FOLDER}/gitune.yaml`]: `${CONFIG}${text}` }));
      assert.equal(code, 2, stdout);
      assert.deepEqual(codes, ["config.yaml"]);
      assert.doesNotMatch(stdout, /call stack/);
    });
  }

  it("with 30,000 keys that nobody knows is refused with the first of them", async (t) => {
    const keys = Array.from({ length: 30_000 }, (_, i) => `k${i}:\n`).join("");
    const { code, codes } = await validate(project(t, { [`${FOLDER}/gitune.yaml`]: `${CONFIG}${keys}` }));
    assert.deepEqual([code, new Set(codes)], [2, new Set(["config.unknown-key"])]);
    assert.ok(codes.length <= 100);
  });
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

  for (const path of [
    "../../../secret.jsonl",
    "/etc/passwd",
    "..\\..\\secret.jsonl",
    "C:/secret.jsonl",
    "\\\\server\\secret.jsonl",
    "../../.git/config",
    "../../.GIT/hooks/../config",
  ]) {
    it(`of a split, a schema, a suite and a base, ${path}, is not followed`, async (t) => {
      const at = JSON.stringify(path);
      const data = CONFIG.replace("splits: { train: train.jsonl }", `schema: ${at}, splits: { train: ${at} }`);
      const base = JSON.stringify(path.startsWith(".") ? `./${path}` : path);
      const text = `${data.replace("models/tiny", base)}${SUITE.replace("e.jsonl", at)}`;
      const { code, codes, stdout } = await validate(project(t, { [`${FOLDER}/gitune.yaml`]: text }));
      assert.deepEqual([code, codes], [2, Array(4).fill("config.path")], stdout);
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

describe("a base", () => {
  const outside = new TestRepository({ secret: "TOP-SECRET" });
  after(() => outside.remove());
  const linked = (t: TestContext, path: string, target: string) => {
    const repository = project(t, tinyBase("models/tiny"));
    rmSync(join(repository.root, path), { recursive: true, force: true });
    symlinkSync(target, join(repository.root, path));
    return repository;
  };

  for (const [what, path, target] of [
    ["the folder leads out", "models/tiny", outside.root],
    ["the folder leads to git's own", "models/tiny", "../.git"],
    ["the template is a file of the machine", "models/tiny/chat_template.jinja", join(outside.root, "secret")],
    ["the template is git's config", "models/tiny/chat_template.jinja", "../../.git/config"],
    ["the tokenizer is a device without end", "models/tiny/tokenizer.json", "/dev/zero"],
    ["the weights are the process's memory", "models/tiny/model.safetensors", "/proc/self/mem"],
  ] as const) {
    it(`where ${what} by a link is refused`, async (t) => {
      const repository = linked(t, path, target);
      const counting = CONFIG.replace("checks: { tokens: off }\n", "");
      writeFileSync(join(repository.root, FOLDER, "gitune.yaml"), counting);
      const { code, codes, stdout, stderr } = await validate(repository);
      assert.deepEqual([code, codes], [2, ["config.base"]], stdout);
      const trained = await repository.gitune(["train", "--json"]);
      assert.equal(trained.code, 2);
      assert.match(trained.stdout, /"base\.outside"/);
      assert.ok(!`${stdout}${stderr}${trained.stdout}${trained.stderr}`.includes("TOP-SECRET"));
    });
  }

  const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
  const doubling = { type: "Replace", pattern: { String: "a" }, content: "aa" };
  const deep: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}0${"}".repeat(100_000)}`);
  const tokenizerWith = (change: object): Files => {
    const files = tinyBase("models/tiny");
    const path = "models/tiny/tokenizer.json";
    return { ...files, [path]: changedJson(String(files[path]), change) };
  };
  const templateWith = (source: string): Files => ({
    ...tinyBase("models/tiny"),
    "models/tiny/chat_template.jinja": source,
  });
  for (const [name, files, expected] of [
    ["a tokenizer that backtracks without end", tokenizerWith({ pre_tokenizer: split("(a+)+$") }), "tokenizer.slow"],
    [
      "a normalizer that backtracks without end",
      tokenizerWith({ normalizer: { type: "Replace", pattern: { Regex: "(a|a)+$" }, content: "" } }),
      "tokenizer.slow",
    ],
    [
      "replacements that double a text 60 times",
      tokenizerWith({ normalizer: { type: "Sequence", normalizers: Array(60).fill(doubling) } }),
      "tokenizer.slow",
    ],
    ["a tokenizer of 100,000 levels", tokenizerWith({ post_processor: deep }), "tokenizer.invalid"],
    [
      "a template that loops",
      templateWith("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
      "template.render",
    ],
    ["a template of 100,000 levels", templateWith(`{{ ${"(".repeat(100_000)} }}`), "template.parse"],
  ] as const) {
    it(`with ${name} is refused`, async (t) => {
      const messages = [
        { role: "user", content: `${"a".repeat(60)}b` },
        { role: "assistant", content: "red" },
      ];
      const repository = project(t, {
        ...files,
        [`${FOLDER}/gitune.yaml`]: CONFIG.replace("prompt-completion", "messages").replace(
          "checks: { tokens: off }\n",
          "",
        ),
        [`${FOLDER}/train.jsonl`]: jsonl([{ messages }]),
      });
      const { code, codes, stdout } = await validate(repository);
      assert.ok(code === 1 || code === 2, stdout);
      assert.deepEqual(codes, [expected], stdout);
      assert.doesNotMatch(stdout, /call stack/);
    });
  }
});

/** By hand: what nests deeply ends the stack of JSON.stringify. */
function changedJson(text: string, change: object): string {
  const whole = JSON.parse(text) as Record<string, unknown>;
  const parts = Object.entries({ ...whole, ...change }).map(
    ([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`,
  );
  return `{${parts.join(",")}}`;
}

function textOf(value: unknown): string {
  let [depth, inner] = [0, value];
  while (typeof inner === "object" && inner !== null && "a" in inner) {
    inner = inner.a;
    depth += 1;
  }
  return depth < 1000 ? JSON.stringify(value) : `${'{"a":'.repeat(depth)}0${"}".repeat(depth)}`;
}

describe("a commit that brings .gitune", () => {
  for (const name of [".gitune/store/00/forged.json", ".Gitune/tokens/x"]) {
    it(`as ${name} is refused, whatever the store is`, async (t) => {
      const repository = project(t, { [name]: "{}" });
      repository.git("add", "--force", "--all");
      repository.commit("forged results");
      for (const verb of ["plan", "run", "train"]) {
        const { code, stdout } = await repository.gitune([verb, "--json"]);
        assert.deepEqual([code, /"code": "([^"]+)"/.exec(stdout)?.[1]], [2, "store.committed"], stdout);
      }
    });
  }
});

it("100 MB without a line feed are one issue, in little memory", async (t) => {
  const repository = project(t, { [`${FOLDER}/train.jsonl`]: Buffer.alloc(100 * 1024 * 1024, "a") });
  const { code, codes, stderr } = await validate(repository, ["--max-old-space-size=128"]);
  assert.deepEqual([code, codes], [1, ["jsonl.row-too-long"]], stderr);
});
