/** The built CLI as users call it, where no engine is needed. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gitune, jsonl, TestRepository } from "./testing.js";
import { VERBS } from "./verbs.js";

const repository = new TestRepository();
after(() => repository.remove());

const CONFIG = `name: colors
version: 1.0.0
description: What has which colour.
data: { format: messages, id: id, splits: { train: train.jsonl } }
train: { base: models/tiny }
checks: { tokens: off }
`;
const row = (id: number, answer = "blue") => ({
  id: `r${id}`,
  messages: [
    { role: "user", content: `thing ${id}?` },
    { role: "assistant", content: answer },
  ],
});
const ROWS = jsonl([row(1), row(2), row(3)]);
/** A base as far as validation looks at it. */
const BASE = { "models/tiny/config.json": "{}" };
const TOKENIZER = fileURLToPath(new URL("../../train/test/fixtures/tiny-chat", import.meta.url));

function repositoryWith(files: ConstructorParameters<typeof TestRepository>[0]): TestRepository {
  const made = new TestRepository(files);
  after(() => made.remove());
  return made;
}

test("--version is package.json's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  assert.deepEqual(await repository.gitune(["--version"]), {
    code: 0,
    signal: null,
    stdout: `${version}\n`,
    stderr: "",
  });
});

test("--help lists every verb, and every verb teaches with examples and exit codes", async () => {
  const overview = await repository.gitune(["--help"]);
  assert.equal(overview.code, 0);
  for (const verb of Object.keys(VERBS)) {
    assert.match(overview.stdout, new RegExp(`^ {2}${verb} `, "m"));
    const help = await repository.gitune([verb, "--help"]);
    assert.equal(help.code, 0, verb);
    const examples = help.stdout.match(/^ {2}\$ gitune /gm) ?? [];
    assert.ok(examples.length >= 2, verb);
    assert.match(help.stdout, /^Exit codes:\n {2}0 {2}\S/m, verb);
    assert.match(help.stdout, /--json/, verb);
  }
});

test("calls that are not known end with 2 and say what was meant", async () => {
  const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [[], /no verb given/],
    [["valdate"], /did you mean validate\?/],
    [["validate", "--formt", "json"], /did you mean --format\?/],
    [["validate", "--format", "xml"], /text, json, sarif, github/],
    [["score", "--metrics", "rouge1"], /--predictions is missing/],
    [["train", "--max-steps", "0"], /at least 1/],
    [["run", "--time-limit", "0"], /above 0/],
    [["compare", "one.json"], /missing required argument/],
  ];
  for (const [args, said] of cases) {
    const { code, stdout, stderr } = await repository.gitune(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, said);
    assert.match(stderr, /\[cli\.usage\]/);
  }
});

test("--json puts one document on stdout, failures too", async () => {
  const { code, stdout, stderr } = await repository.gitune(["validate", "--json", "--nonsense"]);
  assert.equal(code, 2);
  assert.equal(stderr, "");
  const document = JSON.parse(stdout) as { version: number; ok: boolean; issues: { code: string }[] };
  assert.deepEqual([document.version, document.ok, document.issues[0]?.code], [1, false, "cli.usage"]);
});

test("a reader that leaves early is no failure", async () => {
  const made = repositoryWith({ ...BASE, "datasets/colors/gitune.yaml": CONFIG, "datasets/colors/train.jsonl": ROWS });
  const answer = await made.gitune(["validate", "--json"], { onSpawn: (child) => child.stdout?.destroy() });
  assert.deepEqual([answer.code, answer.signal, answer.stderr], [0, null, ""]);
});

test("score prints values with intervals, and writes a line a row", async () => {
  const made = repositoryWith({
    "out.jsonl": jsonl([
      { id: "a", prediction: "the cat", references: ["the cat"] },
      { prediction: "a dog", references: ["the dog", "one cat"] },
    ]),
  });
  const args = ["score", "--metrics", "exact_match,rouge1", "--predictions", "out.jsonl", "--rows", "scores.jsonl"];
  const { code, stdout } = await made.gitune([...args, "--json"]);
  assert.equal(code, 0);
  const { metrics } = JSON.parse(stdout) as { metrics: Record<string, { value: number; n: number }> };
  assert.deepEqual([metrics["exact_match"]?.value, metrics["rouge1"]?.value, metrics["rouge1"]?.n], [0.5, 0.75, 2]);
  assert.equal(
    readFileSync(join(made.root, "scores.jsonl"), "utf8"),
    '{"id":"a","exact_match":1,"rouge1":1}\n{"id":"2","exact_match":0,"rouge1":0.5}\n',
  );
  assert.match((await made.gitune(args)).stdout, /^rouge1 +0\.750 /m);
});

test("score refuses what is no prediction, line by line", async () => {
  const made = repositoryWith({ "out.jsonl": '{"prediction":"a","references":["a"]}\n{"prediction":1}\n[]\n{"x\n' });
  const { code, stderr } = await made.gitune(["score", "--metrics", "rouge1", "--predictions", "out.jsonl"]);
  assert.equal(code, 2);
  assert.match(stderr, /out\.jsonl:4/);
  const shaped = repositoryWith({ "out.jsonl": '{"prediction":1,"references":["a"]}\n[]\n' });
  const refused = await shaped.gitune(["score", "--metrics", "rouge1", "--predictions", "out.jsonl"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /out\.jsonl:1 {2}\/prediction/);
  assert.match(refused.stderr, /out\.jsonl:2/);
  const missing = await shaped.gitune(["score", "--metrics", "rouge1", "--predictions", "nowhere.jsonl"]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /nowhere\.jsonl/);
});

test("validate: fine, wrong rows and wrong configs are 0, 1 and 2", async () => {
  const made = repositoryWith({ ...BASE, "datasets/colors/gitune.yaml": CONFIG, "datasets/colors/train.jsonl": ROWS });
  const fine = await made.gitune(["validate", "--json"]);
  assert.equal(fine.code, 0, fine.stdout + fine.stderr);
  const document = JSON.parse(fine.stdout) as { ok: boolean; projects: { name: string; rows: number }[] };
  assert.deepEqual([document.ok, document.projects[0]?.name, document.projects[0]?.rows], [true, "colors", 3]);

  made.write({ "datasets/colors/train.jsonl": ROWS.replace('"role":"assistant"', '"role":"asistant"') });
  const rows = await made.gitune(["validate"]);
  assert.equal(rows.code, 1);
  assert.match(rows.stdout, /datasets\/colors\/train\.jsonl:1.*\/messages\/1\/role/);
  const github = await made.gitune(["validate", "--format", "github"]);
  assert.match(github.stdout, /^::error file=datasets\/colors\/train\.jsonl,line=1/m);
  const sarif = JSON.parse((await made.gitune(["validate", "--format", "sarif"])).stdout) as { version: string };
  assert.equal(sarif.version, "2.1.0");

  made.write({ "datasets/colors/gitune.yaml": CONFIG.replace("version:", "verson:") });
  const config = await made.gitune(["validate"]);
  assert.equal(config.code, 2);
  assert.match(config.stdout, /did you mean "version"/);
});

test("validate: an unknown project, no project, a base that is not there, a path out of the repository", async () => {
  const made = repositoryWith({ ...BASE, "datasets/colors/gitune.yaml": CONFIG, "datasets/colors/train.jsonl": ROWS });
  const unknown = await made.gitune(["validate", "colours"]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /did you mean "colors"/);
  assert.equal((await repository.gitune(["validate"])).code, 2);

  made.write({ "datasets/colors/gitune.yaml": CONFIG.replace("models/tiny", "models/none") });
  const base = await made.gitune(["validate"]);
  assert.equal(base.code, 2);
  assert.match(base.stdout, /\[config\.base\]/);

  const suite = "evals: [{ name: answers, data: answers.jsonl, metrics: [rougel, exactmatch] }]\n";
  made.write({
    "datasets/colors/gitune.yaml": CONFIG + suite,
    "datasets/colors/answers.jsonl": jsonl([{ id: "a", prompt: "thing?", references: ["blue"] }]),
  });
  const metric = await made.gitune(["validate"]);
  assert.equal(metric.code, 2);
  assert.match(metric.stdout, /\/evals\/0\/metrics\/1 {2}\[config\.unknown-metric\][\s\S]*did you mean "exact_match"/);

  made.write({ "datasets/colors/gitune.yaml": CONFIG.replace("train.jsonl", "../../../train.jsonl") });
  const outside = await made.gitune(["validate"]);
  assert.equal(outside.code, 2);
  assert.match(outside.stdout, /\[config\.path\]/);
});

test("validate --file: bytes of every bad kind, with their places", async () => {
  const long = Buffer.alloc(50 * 1024 * 1024, 0x61);
  const made = repositoryWith({
    "broken.jsonl": '{"a":1}\n{"a":}\n',
    "encoding.jsonl": Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d, 0x0a]),
    "bom.jsonl": '\ufeff{"a":1}\n',
    "crlf.jsonl": '{"a":1}\r\n{"a":2}\r\n',
    "empty.jsonl": "",
    "long.jsonl": Buffer.concat([Buffer.from('{"a":1}\n{"a":"'), long, Buffer.from('"}\n{"a":2}\n')]),
    "schema.json": JSON.stringify({ type: "object", properties: { a: { type: "number", maximum: 1 } } }),
  });
  const expected: readonly (readonly [file: string, code: number, issue: string])[] = [
    ["broken.jsonl", 1, "jsonl.parse"],
    ["encoding.jsonl", 1, "jsonl.encoding"],
    ["bom.jsonl", 1, "jsonl.bom"],
    ["crlf.jsonl", 0, "jsonl.crlf"],
    ["empty.jsonl", 1, "jsonl.empty"],
    ["long.jsonl", 1, "jsonl.row-too-long"],
    ["nowhere.jsonl", 2, "file.unreadable"],
  ];
  for (const [file, code, issue] of expected) {
    const answer = await made.gitune(["validate", "--file", file, "--json"]);
    const codes = (JSON.parse(answer.stdout) as { projects: { issues: { code: string }[] }[] }).projects.flatMap(
      (project) => project.issues.map((found) => found.code),
    );
    assert.deepEqual([answer.code, codes], [code, [issue]], file);
  }
  const schema = await made.gitune(["validate", "--file", "crlf.jsonl", "--schema", "schema.json"]);
  assert.equal(schema.code, 1);
  assert.match(schema.stdout, /crlf\.jsonl:2/);
});

test("validate --fix mends bytes and nothing else", async () => {
  const made = repositoryWith({
    ...BASE,
    "datasets/colors/gitune.yaml": CONFIG,
    "datasets/colors/train.jsonl": `\ufeff${ROWS.replaceAll("\n", "\r\n")}\r\n \n`,
  });
  assert.equal((await made.gitune(["validate"])).code, 1);
  const fixed = await made.gitune(["validate", "--fix"]);
  assert.equal(fixed.code, 0);
  assert.match(fixed.stderr, /fixed datasets\/colors\/train\.jsonl/);
  assert.equal(readFileSync(join(made.root, "datasets/colors/train.jsonl"), "utf8"), ROWS);
  assert.equal((await made.gitune(["validate", "--fix"])).stderr, "");

  const utf16 = Buffer.from(`\ufeff${ROWS}`, "utf16le");
  writeFileSync(join(made.root, "datasets/colors/train.jsonl"), utf16);
  assert.equal((await made.gitune(["validate", "--fix"])).code, 1);
  assert.deepEqual(readFileSync(join(made.root, "datasets/colors/train.jsonl")), utf16);
});

test("validate loads no engine", async () => {
  const log = join(repository.root, "loaded.txt");
  const hooks = `
    import { appendFileSync } from "node:fs";
    export async function resolve(specifier, context, next) {
      const found = await next(specifier, context);
      appendFileSync(${JSON.stringify(log)}, found.url + "\\n");
      return found;
    }`;
  const register = `
    import { register } from "node:module";
    register("data:text/javascript," + ${JSON.stringify(encodeURIComponent(hooks))});`;
  const nodeArgs = ["--import", `data:text/javascript,${encodeURIComponent(register)}`];
  const made = repositoryWith({
    ...BASE,
    "datasets/colors/gitune.yaml": CONFIG.replace("checks: { tokens: off }\n", ""),
    "datasets/colors/train.jsonl": ROWS,
  });
  // The base has no tokenizer: the token check is tried, and says so.
  const answer = await made.gitune(["validate"], { nodeArgs });
  assert.match(answer.stdout, /\[tokenizer\.missing\]/);
  const loaded = readFileSync(log, "utf8");
  assert.match(loaded, /train\/dist\/tokenizer\.js/);
  assert.doesNotMatch(loaded, /node_modules\/(?:onnxruntime|@tensorflow)|train\/dist\/backends/);
});

test("stats counts rows, labels and tokens, and its document is what its schema says", async () => {
  const made = repositoryWith({
    ...BASE,
    "datasets/colors/gitune.yaml": CONFIG,
    "datasets/colors/train.jsonl": `${ROWS}${jsonl([row(4, "red"), { id: "r5", messages: [] }])}`,
    "stats.schema.json": readFileSync(new URL("../../core/schemas/stats.schema.json", import.meta.url)),
  });
  const bare = await made.gitune(["stats", "--json"]);
  assert.equal(bare.code, 0, bare.stderr);
  assert.match(bare.stderr, /colors: no tokens, since /);

  cpSync(TOKENIZER, join(made.root, "models/tiny"), { recursive: true });
  const { code, stdout, stderr } = await made.gitune(["stats", "colors", "--json"]);
  assert.equal(code, 0, stderr);
  const document = JSON.parse(stdout) as {
    projects: {
      splits: {
        rows: number;
        unfit: number;
        tokens: { total: number; supervised: number };
        labels: unknown;
      }[];
    }[];
  };
  const [split] = document.projects[0]?.splits ?? [];
  assert.deepEqual([split?.rows, split?.unfit, split?.labels], [5, 1, null]);
  assert.ok(split && split.tokens.supervised > 0 && split.tokens.supervised < split.tokens.total);

  made.write({ "stats.jsonl": jsonl([JSON.parse(bare.stdout), document]) });
  const checked = await made.gitune(["validate", "--file", "stats.jsonl", "--schema", "stats.schema.json"]);
  assert.equal(checked.code, 0, checked.stdout);
  made.write({
    "datasets/colors/train.jsonl": jsonl(Array.from({ length: 6 }, (_, id) => row(id, id < 4 ? "blue" : "red"))),
  });
  const { stdout: text } = await made.gitune(["stats"]);
  assert.match(text, /^train +6 +0 +0 +\d/m);
  assert.match(text, /labels of train: blue 66\.7%, red 33\.3%/);
  assert.equal((await made.gitune(["stats", "colours"])).code, 2);
});

test("diff shows uncommitted rows, and the rows between two commits", async () => {
  const made = repositoryWith({});
  const first = made.commit("rows", {
    ...BASE,
    "datasets/colors/gitune.yaml": CONFIG,
    "datasets/colors/train.jsonl": ROWS,
  });
  made.write({ "datasets/colors/train.jsonl": jsonl([row(1), row(3, "red"), row(4)]) });
  const { code, stdout } = await made.gitune(["diff", "--json"]);
  assert.equal(code, 0);
  const document = JSON.parse(stdout) as {
    base: string;
    head: string;
    projects: { splits: { added: number; removed: number; changed: number; unchanged: number }[] }[];
  };
  assert.deepEqual([document.base, document.head], [first, "worktree"]);
  const [split] = document.projects[0]?.splits ?? [];
  assert.deepEqual([split?.added, split?.removed, split?.changed, split?.unchanged], [1, 1, 1, 1]);

  const second = made.commit("change");
  const between = JSON.parse((await made.gitune(["diff", `${first}..${second}`, "--json"])).stdout) as typeof document;
  assert.deepEqual(between.projects, document.projects);
  assert.match((await made.gitune(["diff", first, "--format", "markdown"])).stdout, /colors/);
  const unknown = await made.gitune(["diff", "no-such-branch"]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /\[git\.unknown-ref\]/);
});

test("doctor looks at the machine outside of a repository, too", async () => {
  const { code, stdout } = await gitune(["doctor", "--json"], { cwd: tmpdir() });
  const document = JSON.parse(stdout) as {
    ok: boolean;
    findings: { what: string; ok: boolean; fix?: string; memory_bytes?: number }[];
  };
  assert.deepEqual([code, document.ok], [0, true]);
  const devices = document.findings.filter(({ what }) => what.startsWith("device "));
  assert.deepEqual(
    devices.map(({ what }) => what.slice("device ".length)),
    ["cpu", "cuda", "webgpu", "tfjs-node-gpu", "tfjs-node", "tfjs"],
  );
  assert.ok(devices[0]?.ok && (devices[0].memory_bytes ?? 0) > 0);
  for (const { ok, fix } of devices) assert.equal(fix === undefined, ok);
});

test("doctor before a job: what the project needs and the machine lacks is 3, with what mends it", async () => {
  const made = repositoryWith({
    "datasets/colors/gitune.yaml": CONFIG,
    "datasets/colors/train.jsonl": ROWS,
    "models/tiny/config.json": JSON.stringify({ model_type: "other" }),
  });
  const look = async (...args: readonly string[]) => {
    const { code, stdout } = await made.gitune(["doctor", "colors", "--json", ...args]);
    const { ok, issues } = JSON.parse(stdout) as {
      ok: boolean;
      issues: { code: string; message: string; fix?: string }[];
    };
    assert.equal(ok, false);
    assert.ok(issues.every(({ code }) => code === "machine.missing"));
    return { code, said: issues.map(({ message, fix }) => `${message} -> ${fix}`).join("\n") };
  };
  const disk = await look("--min-disk", "1e9");
  assert.equal(disk.code, 3);
  assert.match(
    disk.said,
    /^free disk: \d+\.\d GiB; needed are 1000000000\.0 GiB at least -> free \d+\.\d GiB .*GITUNE_STORE/m,
  );
  assert.doesNotMatch(disk.said, /base models/, "a base may have to be unpacked to the disk");
  const memory = await look("--min-memory", "1e9");
  assert.match(memory.said, /^free memory of cpu: .* -> end other programs/m);
  const device = await look("--device", "tfjs-node-gpu");
  assert.match(device.said, /^device tfjs-node-gpu: .* -> /m);

  // Before a night: a project that asks no sources needs nothing then.
  const night = await made.gitune(["doctor", "--refresh", "--json"]);
  assert.deepEqual([night.code, /base models/.test(night.stdout)], [0, false]);

  const unknown = await made.gitune(["doctor", "colours"]);
  assert.deepEqual([unknown.code, /did you mean|colors/.test(unknown.stderr)], [2, true]);
});

test("compare refuses what is no results file", async () => {
  const made = repositoryWith({ "a.json": "{}", "b.json": "{", "c.txt": "" });
  for (const [base, said] of [
    ["a.json", /not a results file/],
    ["b.json", /not JSON/],
    ["d.json", /no such file/],
  ] as const) {
    const { code, stderr } = await made.gitune(["compare", base, "a.json"]);
    assert.equal(code, 2);
    assert.match(stderr, said);
  }
});
