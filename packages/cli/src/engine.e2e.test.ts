/** The built CLI with the engine in it: train, eval, generate and compare on a tiny base. `run.e2e.test.ts` has the pipeline. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { jsonl } from "./testing.js";
import { config, documentOf, EngineRepositories, FILES, numbers, row, VALIDATED } from "./testing-engine.js";

const repositories = new EngineRepositories();

test("train, eval, generate and compare work together", async () => {
  const repository = repositories.project();
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

test("validation losses: in train's answer, in run's, in the report; changed rows are another training", async () => {
  const repository = repositories.project(VALIDATED);
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

test("train --smoke: every part once, and nothing is left of it", async () => {
  const repository = repositories.project(VALIDATED);
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
  const repository = repositories.project();
  for (const [name, files, said] of cases) {
    repository.write({ ...FILES, ...files });
    const answer = await repository.gitune(["train", "--out", "out"]);
    assert.equal(answer.code, 2, `${name}: ${answer.stdout}${answer.stderr}`);
    assert.match(answer.stderr, said, name);
    assert.ok(!existsSync(join(repository.root, "out", "adapter_model.safetensors")), name);
  }
});

test("compute: int8 is another training of the same rows, near the one in f32, whatever the threads", async () => {
  const repository = repositories.project();
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

test("another device trains and generates too; its results are not the CPU's, and one that is not here is refused", async () => {
  const repository = repositories.project();
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

test("a .gguf file is a base for every verb", async () => {
  const gguf = readFileSync(fileURLToPath(new URL("../../train/test/golden/gguf/tiny.gguf", import.meta.url)));
  const checks = "checks: { tokens: { level: error, max: 30 } }\n";
  const repository = repositories.project({
    "models/tiny.gguf": gguf,
    "datasets/colors/gitune.yaml": config({ base: "models/tiny.gguf", max_steps: 2 }, checks),
  });
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
