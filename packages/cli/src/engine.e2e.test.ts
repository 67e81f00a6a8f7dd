/** The built CLI with the engine in it: a tiny base is trained from nothing, then adapters on top of it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Answer, ENVIRONMENT, jsonl, MAIN, TestRepository } from "./testing.js";

const TOKENIZER = fileURLToPath(new URL("../../train/test/fixtures/tiny-chat", import.meta.url));
/** Large enough to run every part, small enough for a second a step. */
const MODEL = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 370,
  max_position_embeddings: 128,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  hidden_act: "silu",
  torch_dtype: "float32",
};

const row = (id: number, answer = "blue") => ({
  id: `r${id}`,
  messages: [
    { role: "user", content: `thing ${id}?` },
    { role: "assistant", content: answer },
  ],
});
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

function config(recipe: Readonly<Record<string, unknown>> = {}, extra = ""): string {
  const train = {
    base: "models/tiny",
    technique: { type: "lora", r: 4, alpha: 8, targets: "all-linear" },
    max_steps: 6,
    batch_size: 4,
    micro_batch_size: 4,
    max_length: 64,
    learning_rate: 0.01,
    ...recipe,
  };
  return `name: colors
version: 1.0.0
description: What has which colour.
data: { format: messages, id: id, splits: { train: train.jsonl } }
train: ${JSON.stringify(train)}
evals:
  - { name: answers, data: answers.jsonl, metrics: [exact_match, rougeL], generation: { max_new_tokens: 6 } }
gate:
  rules:
    - { suite: answers, metric: rougeL, max_regression: 0.5 }
${extra}`;
}

const FILES = {
  ".gitignore": ".gitune/\n",
  "datasets/colors/gitune.yaml": config(),
  "datasets/colors/train.jsonl": jsonl(numbers(1, 8).map((id) => row(id))),
  "datasets/colors/answers.jsonl": jsonl(
    numbers(50, 55).map((id) => ({ id: `e${id}`, prompt: `thing ${id}?`, references: ["blue"] })),
  ),
};

let base: TestRepository;
const made: TestRepository[] = [];

before(async () => {
  base = new TestRepository({
    "models/empty/config.json": JSON.stringify(MODEL),
    "datasets/pretrain/gitune.yaml": `name: pretrain
version: 1.0.0
description: Makes the base.
data: { format: text, splits: { train: train.jsonl } }
checks: { duplicates: off }
train:
  base: models/empty
  technique: { type: full }
  max_steps: 2
  batch_size: 4
  max_length: 64
  micro_batch_size: 4
`,
    "datasets/pretrain/train.jsonl": jsonl(numbers(1, 4).map((id) => ({ text: `the sky is blue ${id}` }))),
  });
  cpSync(TOKENIZER, join(base.root, "models/empty"), { recursive: true });
  const answer = await base.gitune(["train", "pretrain", "--out", "models/tiny", "--quiet"]);
  assert.equal(answer.code, 0, answer.stderr);
});

after(() => {
  base.remove();
  for (const repository of made) repository.remove();
});

/** A repository with the tiny base, everything committed on main. */
function project(files: Readonly<Record<string, string>> = {}): TestRepository {
  const repository = new TestRepository({ ...FILES, ...files });
  made.push(repository);
  cpSync(join(base.root, "models/tiny"), join(repository.root, "models/tiny"), { recursive: true });
  repository.commit("main");
  return repository;
}

interface RunDocument {
  readonly pending?: readonly string[];
  readonly verdict: string;
  readonly exit_code: number;
  readonly comment: string;
  readonly projects: readonly {
    readonly status: string;
    readonly verdict: string;
    readonly notes: readonly string[];
    readonly issues: readonly { readonly code: string }[];
    readonly adapters: Readonly<Record<"base" | "head", { readonly sha256: string; readonly cached: boolean } | null>>;
    readonly results: Readonly<Record<"bare" | "base" | "head", unknown>>;
  }[];
}

function documentOf(answer: Answer): RunDocument {
  assert.notEqual(answer.stdout, "", answer.stderr);
  return JSON.parse(answer.stdout) as RunDocument;
}

function storedFiles(repository: TestRepository): readonly string[] {
  const store = join(repository.root, ".gitune", "store");
  return existsSync(store) ? readdirSync(store, { recursive: true, encoding: "utf8" }) : [];
}

test("run: a change is trained, evaluated and gated once; the second run takes it all from the store", async () => {
  const repository = project();
  const still = documentOf(await repository.gitune(["run", "--json"]));
  assert.deepEqual([still.verdict, still.projects[0]?.status], ["pass", "unchanged"]);
  assert.ok(!existsSync(join(repository.root, ".gitune", "store", "folders")), "nothing was trained");

  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 10).map((id) => row(id))) });
  const first = documentOf(await repository.gitune(["run", "--json"]));
  const [colors] = first.projects;
  assert.deepEqual([first.verdict, first.exit_code, colors?.status], ["pass", 0, "changed"]);
  assert.deepEqual([colors?.adapters.base?.cached, colors?.adapters.head?.cached], [false, false]);
  assert.notEqual(colors?.adapters.base?.sha256, colors?.adapters.head?.sha256);
  assert.ok(colors?.results.bare && colors.results.base && colors.results.head);

  const report = join(repository.root, ".gitune", "report");
  assert.equal(readFileSync(join(report, "report.md"), "utf8").trimEnd(), first.comment.trimEnd());
  assert.match(readFileSync(join(report, "report.html"), "utf8"), /^<!doctype html>/i);
  const results = JSON.parse(readFileSync(join(report, "results.json"), "utf8")) as { project: string };
  assert.equal(results.project, "colors");
  const own = readdirSync(join(report, "colors")).sort();
  assert.deepEqual(own, ["comparison.json", "gitune.lock.json", "report.html", "report.md", "results.json"]);

  const files = storedFiles(repository);
  const second = documentOf(await repository.gitune(["run", "--json"]));
  assert.deepEqual(storedFiles(repository), files);
  assert.deepEqual(
    [second.projects[0]?.adapters.base?.cached, second.projects[0]?.adapters.head?.cached],
    [true, true],
  );
  assert.deepEqual(second.projects[0]?.results, colors?.results);

  const text = await repository.gitune(["run"]);
  assert.match(text.stdout, /^Verdict: pass\n\npass {2}colors {2}changed, 2 rows added, base adapter from the store/);
});

test("a .gguf file is a base for every verb", async () => {
  const gguf = readFileSync(fileURLToPath(new URL("../../train/test/golden/gguf/tiny.gguf", import.meta.url)));
  const checks = "checks: { tokens: { level: error, max: 30 } }\n";
  const repository = new TestRepository({
    ...FILES,
    "models/tiny.gguf": gguf,
    "datasets/colors/gitune.yaml": config({ base: "models/tiny.gguf", max_steps: 2 }, checks),
  });
  made.push(repository);
  repository.commit("main");
  const answerOf = async (...args: string[]): Promise<string> => {
    const answer = await repository.gitune(args);
    assert.equal(answer.code, 0, answer.stdout + answer.stderr);
    return answer.stdout;
  };
  assert.match(await answerOf("doctor"), /ok +base models\/tiny\.gguf +2 layers of 32/);
  await answerOf("train", "colors");
  await answerOf("eval", "colors", "--adapter", ".gitune/adapters/colors");
  await answerOf(
    "generate",
    "--base",
    "models/tiny.gguf",
    "--adapter",
    ".gitune/adapters/colors",
    "--prompt",
    "thing?",
  );

  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });
  const document = documentOf(await repository.gitune(["run", "--no-bare", "--json"]));
  assert.deepEqual([document.exit_code, document.projects[0]?.status], [0, "changed"]);

  repository.write({ "datasets/colors/train.jsonl": jsonl([row(1, "blue ".repeat(40))]) });
  const counted = await repository.gitune(["validate"]);
  assert.equal(counted.code, 1, counted.stderr);
  assert.match(counted.stdout, /\[row\.too-long\]/);
});

test("run: a gate that cannot be met says no with 1", async () => {
  const rules = "    - { suite: answers, metric: exact_match, min: 1 }\n";
  const repository = project({ "datasets/colors/gitune.yaml": config({}, rules) });
  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });
  const answer = await repository.gitune(["run", "--no-bare"]);
  assert.equal(answer.code, 1, answer.stderr);
  assert.match(answer.stdout, /^Verdict: fail/);
});

test("run: a new project is compared with the bare base", async () => {
  const repository = new TestRepository({ ".gitignore": ".gitune/\n" });
  made.push(repository);
  cpSync(join(base.root, "models/tiny"), join(repository.root, "models/tiny"), { recursive: true });
  repository.commit("main");
  repository.write(FILES);
  const document = documentOf(await repository.gitune(["run", "--json"]));
  const [colors] = document.projects;
  assert.deepEqual([colors?.status, colors?.adapters.base, colors?.notes.length], ["new", null, 1]);
  assert.deepEqual(colors?.results.base, colors?.results.bare);
});

test("run: rows with errors are a no of the checks, reported, and nothing is trained", async () => {
  const repository = project();
  const rows = jsonl(numbers(1, 8).map((id) => row(id)));
  repository.write({ "datasets/colors/train.jsonl": rows.replace('"role":"user"', '"role":"usr"') });
  const answer = await repository.gitune(["run", "--json"]);
  const document = documentOf(answer);
  assert.deepEqual([answer.code, document.projects[0]?.status, document.verdict], [1, "invalid", "fail"]);
  assert.equal(document.projects[0]?.issues[0]?.code, "row.enum");
  assert.match(document.comment, /train\.jsonl/);
  assert.ok(!existsSync(join(repository.root, ".gitune", "store", "folders")), "nothing was trained");
});

test("run: a base whose rows cannot be used does not stop the change that mends it", async () => {
  const rows = jsonl(numbers(1, 8).map((id) => row(id)));
  const repository = project({ "datasets/colors/train.jsonl": `${rows}{"broken\n` });
  repository.write({ "datasets/colors/train.jsonl": rows });
  const document = documentOf(await repository.gitune(["run", "--json"]));
  assert.deepEqual([document.projects[0]?.status, document.projects[0]?.adapters.base], ["changed", null]);
  assert.match(document.projects[0]?.notes[0] ?? "", /base's state cannot be trained/);
});

test("what cannot be trained is bad input, with its place", async () => {
  const long = row(9, "blue ".repeat(200));
  const cases: readonly (readonly [name: string, files: Record<string, string>, code: RegExp])[] = [
    [
      "a rank above the layer's size",
      { "datasets/colors/gitune.yaml": config({ technique: { type: "lora", r: 500 } }) },
      /\[lora\.rank\]/,
    ],
    [
      "a row longer than max_length",
      { "datasets/colors/train.jsonl": jsonl([row(1), long]) },
      /train\.jsonl:2[\s\S]*\[row\.too-long\]/,
    ],
    ["no supervised token", { "datasets/colors/train.jsonl": jsonl([row(1), row(2, "")]) }, /train\.jsonl:2/],
    [
      "8-bit products while every weight is trained",
      { "datasets/colors/gitune.yaml": config({ compute: "int8", technique: { type: "full" } }) },
      /\/train\/compute[\s\S]*\[config\.unsupported\]/,
    ],
    [
      "a base that is not there",
      { "datasets/colors/gitune.yaml": config({ base: "models/none" }) },
      /\[base\.missing\]/,
    ],
  ];
  const repository = project();
  for (const [name, files, said] of cases) {
    repository.write({ ...FILES, ...files });
    const answer = await repository.gitune(["train", "--out", "out"]);
    assert.equal(answer.code, 2, `${name}: ${answer.stdout}${answer.stderr}`);
    assert.match(answer.stderr, said, name);
    assert.ok(!existsSync(join(repository.root, "out", "adapter_model.safetensors")), name);
  }
});

test("compute: int8 is another training of the same rows, near the one in f32, whatever the threads", async () => {
  const repository = project();
  const train = async (out: string, ...options: string[]) => {
    const answer = await repository.gitune(["train", "--out", out, "--json", ...options]);
    assert.equal(answer.code, 0, answer.stderr);
    return JSON.parse(answer.stdout) as { adapter: { sha256: string }; losses: number[] };
  };
  const f32 = await train("f32");
  repository.write({ ...FILES, "datasets/colors/gitune.yaml": config({ compute: "int8" }) });
  const int8 = await train("int8");
  assert.notEqual(int8.adapter.sha256, f32.adapter.sha256);
  for (const [step, loss] of int8.losses.entries())
    assert.ok(
      Math.abs(loss - f32.losses[step]!) < 0.02 * f32.losses[step]!,
      `step ${step}: ${loss}, ${f32.losses[step]}`,
    );
  assert.equal((await train("one-thread", "--threads", "1")).adapter.sha256, int8.adapter.sha256);
});

test("train, eval, generate and compare work together", async () => {
  const repository = project();
  const trained = await repository.gitune(["train", "--out", "out", "--max-steps", "2", "--json"]);
  assert.equal(trained.code, 0, trained.stderr);
  const { steps, adapter } = JSON.parse(trained.stdout) as { steps: number; adapter: { sha256: string } };
  assert.equal(steps, 2);
  const lock = JSON.parse(readFileSync(join(repository.root, "out", "gitune.lock.json"), "utf8")) as {
    project: string;
  };
  assert.equal(lock.project, "colors");

  assert.equal((await repository.gitune(["eval", "--out", "bare.json"])).code, 0);
  const tuned = await repository.gitune(["eval", "--adapter", "out", "--out", "tuned.json", "--json"]);
  const results = JSON.parse(tuned.stdout) as { adapter: { path: string; sha256: string } };
  assert.deepEqual(results.adapter, { path: "out", sha256: adapter.sha256 });
  const compared = await repository.gitune(["compare", "bare.json", "tuned.json", "--project", "colors", "--json"]);
  assert.equal(compared.code, 0, compared.stderr);
  assert.equal((JSON.parse(compared.stdout) as { verdict: string }).verdict, "pass");

  const missing = await repository.gitune(["eval", "--adapter", "nowhere"]);
  assert.deepEqual([missing.code, /\[adapter\.missing\]/.test(missing.stderr)], [2, true]);

  repository.write({
    "in.jsonl": jsonl([{ id: "x", prompt: "thing 1?" }, { messages: [{ role: "user", content: "hi" }] }]),
  });
  const options = ["--max-new-tokens", "3"];
  const generated = await repository.gitune([
    "generate",
    "--input",
    "in.jsonl",
    "--output",
    "out.jsonl",
    "--adapter",
    "out",
    ...options,
  ]);
  assert.equal(generated.code, 0, generated.stderr);
  const lines = readFileSync(join(repository.root, "out.jsonl"), "utf8").trim().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { id: string }).id),
    ["x", "2"],
  );
  assert.equal(
    (await repository.gitune(["generate", "--base", "models/tiny", "--prompt", "the sky", ...options])).code,
    0,
  );
  assert.equal((await repository.gitune(["generate"])).code, 2);

  const preview = await repository.gitune(["train", "--preview", "1"]);
  assert.match(preview.stdout, /⟦blue<\|im_end\|>/);
  const doctor = await repository.gitune(["doctor"]);
  assert.equal(doctor.code, 0);
  assert.match(doctor.stdout, /base models\/tiny/);
});

test("train --smoke: every part once, and nothing is left of it", async () => {
  const repository = project(VALIDATED);
  // The cache of encoded rows is no result: the real training will use it.
  const files = () =>
    readdirSync(repository.root, { recursive: true, encoding: "utf8" }).filter(
      (path) => path !== ".gitune" && !path.startsWith(join(".gitune", "tokens")),
    );
  const before = files();
  const answer = await repository.gitune(["train", "--smoke", "--json"]);
  assert.equal(answer.code, 0, answer.stderr);
  const report = JSON.parse(answer.stdout) as Record<string, unknown> & { logit_change: number };
  assert.deepEqual(
    [report["steps"], report["resumed_from"], report["validation_rows"], report["rows"]],
    [2, 1, 2, { used: 8, cut: 0, dropped: 0 }],
  );
  assert.ok(report.logit_change > 0);
  assert.deepEqual(files(), before);
  assert.match(
    (await repository.gitune(["train", "--smoke"])).stdout,
    /^colors trains: 2 steps[\s\S]*\n {2}checkpoint /,
  );

  const kept = await repository.gitune(["train", "--smoke", "--out", "out"]);
  assert.deepEqual([kept.code, /--smoke keeps nothing/.test(kept.stderr)], [2, true]);
  repository.write({ "datasets/colors/validation.jsonl": jsonl([row(20, "blue ".repeat(200))]) });
  const refused = await repository.gitune(["train", "--smoke"]);
  assert.deepEqual([refused.code, /validation\.jsonl:1/.test(refused.stderr)], [2, true]);
});

test("another device trains and generates too; its results are not the CPU's, and one that is not here is refused", async () => {
  const repository = project();
  const losses: number[] = [];
  for (const device of ["cpu", "tfjs"]) {
    const trained = await repository.gitune(["train", "--device", device, "--out", device, "--json"]);
    assert.equal(trained.code, 0, trained.stderr);
    losses.push((JSON.parse(trained.stdout) as { losses: number[] }).losses.at(-1)!);
  }
  assert.ok(Math.abs(losses[1]! - losses[0]!) < 1e-4 * losses[0]!, losses.join(", "));
  const lockOf = (folder: string) =>
    JSON.parse(readFileSync(join(repository.root, folder, "gitune.lock.json"), "utf8")) as { device: string };
  assert.notEqual(lockOf("tfjs").device, lockOf("cpu").device);
  const answers = [];
  for (const device of ["cpu", "tfjs"]) {
    const generate = [
      "generate",
      "--base",
      "models/tiny",
      "--adapter",
      "cpu",
      "--prompt",
      "thing 1?",
      "--device",
      device,
    ];
    const generated = await repository.gitune([...generate, "--max-new-tokens", "5"]);
    assert.equal(generated.code, 0, generated.stderr);
    answers.push(generated.stdout);
  }
  assert.equal(answers[1], answers[0]);
  const doctor = JSON.parse((await repository.gitune(["doctor", "--json"])).stdout) as {
    findings: { what: string; ok: boolean; fix?: string }[];
  };
  for (const { what, ok, fix } of doctor.findings.filter(({ what }) => what.startsWith("device "))) {
    if (ok) continue;
    const refused = await repository.gitune(["train", "--device", what.slice("device ".length), "--out", "none"]);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /\[device\.unavailable\]/);
    assert.ok(refused.stderr.includes(`fix: ${fix}`), refused.stderr);
  }
});

const VALIDATED = {
  "datasets/colors/gitune.yaml": config({ eval_steps: 2, early_stopping: { patience: 2 } }).replace(
    "train: train.jsonl",
    "train: train.jsonl, validation: validation.jsonl",
  ),
  "datasets/colors/validation.jsonl": jsonl([row(20), row(21, "red")]),
};

test("validation losses: in train's answer, in run's, in the report; changed rows are another training", async () => {
  const repository = project(VALIDATED);
  const trained = await repository.gitune(["train", "--out", "out", "--json"]);
  assert.equal(trained.code, 0, trained.stderr);
  const { validation, kept_step, steps } = JSON.parse(trained.stdout) as {
    validation: { step: number; loss: number }[];
    kept_step: number;
    steps: number;
  };
  assert.deepEqual(
    validation.map(({ step }) => step),
    [2, 4, 6].filter((step) => step <= steps),
  );
  const best = Math.min(...validation.map(({ loss }) => loss));
  assert.equal(validation.find(({ step }) => step === kept_step)?.loss, best);
  assert.match((await repository.gitune(["train", "--out", "out"])).stdout, /\n {2}validation {2}loss \d/);

  repository.write({ "datasets/colors/validation.jsonl": jsonl([row(20), row(21, "red"), row(22)]) });
  const first = documentOf(await repository.gitune(["run", "--no-bare", "--json"]));
  assert.deepEqual([first.projects[0]?.status, first.projects[0]?.adapters.head?.cached], ["changed", false]);
  const again = documentOf(await repository.gitune(["run", "--no-bare", "--json"]));
  assert.equal(again.projects[0]?.adapters.head?.cached, true);
  assert.match(again.comment, /- head: loss \d\.\d+ to \d\.\d+ in \d steps? over 8 rows, validation loss /);
  assert.match(
    readFileSync(join(repository.root, ".gitune/report/report.html"), "utf8"),
    /class="curve validation head"/,
  );

  repository.write({ "datasets/colors/validation.jsonl": jsonl([row(20), row(21, "blue ".repeat(200))]) });
  const refused = await repository.gitune(["train", "--out", "refused"]);
  assert.deepEqual([refused.code, /validation\.jsonl:2[\s\S]*\[row\.too-long\]/.test(refused.stderr)], [2, true]);
});

/** Runs until the work folder has its first checkpoint, then sends the signal. */
async function stopInTraining(
  repository: TestRepository,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, "run", "--no-bare"], {
    cwd: repository.root,
    env: ENVIRONMENT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const hasCheckpoint = () => storedFiles(repository).some((path) => /work.*checkpoints.step-\d+$/.test(path));
  while (!hasCheckpoint() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill(signal);
  return { code: await ended, stderr };
}

test("Ctrl-C is a clean stop with 3, kill -9 loses nothing, and both go on to the same bytes", async () => {
  const recipe = { max_steps: 60, checkpoint_steps: 3, eval_steps: 5, load_best_model_at_end: true };
  const long = {
    ...FILES,
    ...VALIDATED,
    "datasets/colors/gitune.yaml": config(recipe).replace("train: train.jsonl", "$&, validation: validation.jsonl"),
  };
  const repository = project(long);
  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });

  const stopped = await stopInTraining(repository, "SIGINT");
  assert.equal(stopped.code, 3, stopped.stderr);
  assert.match(stopped.stderr, /\[(train|cli)\.interrupted\]/);
  assert.ok(!storedFiles(repository).some((path) => path.includes("adapter_model")), "no half-written result");
  const killed = await stopInTraining(repository, "SIGKILL");
  assert.equal(killed.code, null);
  const resumed = documentOf(await repository.gitune(["run", "--no-bare", "--json"]));
  assert.deepEqual(readdirSync(join(repository.root, ".gitune/store/work")), []);

  rmSync(join(repository.root, ".gitune"), { recursive: true });
  const undisturbed = documentOf(await repository.gitune(["run", "--no-bare", "--json"]));
  for (const side of ["base", "head"] as const) {
    assert.equal(resumed.projects[0]?.adapters[side]?.sha256, undisturbed.projects[0]?.adapters[side]?.sha256);
  }
});

test("a disk that takes no more is 3, and the store keeps nothing of it", {
  skip: process.platform === "win32",
}, async () => {
  const repository = project();
  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });
  // Files of at most 4 blocks of 512 bytes: the adapter does not fit.
  const script = 'ulimit -f 4; exec "$0" "$@"';
  const child = spawn("sh", ["-c", script, process.execPath, MAIN, "run", "--no-bare"], {
    cwd: repository.root,
    env: ENVIRONMENT,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  assert.equal(code, 3, stderr);
  assert.match(stderr, /\[disk\.(write|full)\]|\[machine\.io\]/);
  assert.ok(!storedFiles(repository).some((path) => /^(json|folders)\b.*adapter/.test(path)));
  const again = await repository.gitune(["run", "--no-bare"]);
  assert.equal(again.code, 0, again.stderr);
});

test("plan: names what has to be trained, trains nothing, and judges what the store has", async () => {
  const repository = project({ "datasets/still/gitune.yaml": config().replace("name: colors", "name: still") });
  repository.write({
    "datasets/still/train.jsonl": FILES["datasets/colors/train.jsonl"],
    "datasets/still/answers.jsonl": FILES["datasets/colors/answers.jsonl"],
  });
  repository.commit("another project");
  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });

  const before = await repository.gitune(["plan", "--json"]);
  assert.equal(before.code, 0, before.stderr);
  const open = documentOf(before);
  assert.deepEqual(open.pending, ["colors"]);
  assert.deepEqual(
    open.projects.map(({ status }) => status),
    ["unchanged"],
  );
  assert.ok(!existsSync(join(repository.root, ".gitune", "store", "folders")), "nothing was trained");
  assert.match((await repository.gitune(["plan"])).stdout, /^pending {2}colors {2}/m);

  const run = documentOf(await repository.gitune(["run", "colors", "--json"]));
  const after = documentOf(await repository.gitune(["plan", "--json"]));
  assert.equal(after.pending, undefined);
  assert.deepEqual(
    after.projects.map(({ status }) => status),
    ["changed", "unchanged"],
  );
  assert.equal(after.projects[0]?.adapters.head?.sha256, run.projects[0]?.adapters.head?.sha256);
});

test("plan: a row that breaks a rule is refused before anything is planned", async () => {
  const repository = project();
  repository.write({ "datasets/colors/train.jsonl": "{}\n" });
  const answer = await repository.gitune(["plan", "--json"]);
  assert.equal(answer.code, 1);
  assert.deepEqual(
    documentOf(answer).projects.map(({ status }) => status),
    ["invalid"],
  );
});
