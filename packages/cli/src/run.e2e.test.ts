/** The built CLI with the engine in it: `run` and `plan`, what they keep, and what stops them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, ENVIRONMENT, jsonl, MAIN, type TestRepository } from "./testing.js";
import {
  config,
  documentOf,
  EngineRepositories,
  FILES,
  numbers,
  row,
  storedFiles,
  VALIDATED,
} from "./testing-engine.js";

const repositories = new EngineRepositories();

test("run: a change is trained, evaluated and gated once; the second run takes it all from the store", async () => {
  const repository = repositories.project();
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

test("run: a gate that cannot be met says no with 1, and its suite's name stays text", async () => {
  const name = JSON.stringify("a\n::error::b\u001b[31m ##[error]c\u202e");
  const rules = `    - { suite: ${name}, metric: exact_match, min: 1 }\n`;
  const yaml = config({}, rules)
    .replace("name: answers", `name: ${name}`)
    .replace(/^.*suite: answers.*\n/m, "");
  const repository = repositories.project({ "datasets/colors/gitune.yaml": yaml });
  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });
  const answer = await repository.gitune(["run", "--no-bare"]);
  assert.equal(answer.code, 1, answer.stderr);
  assert.match(answer.stdout, /^Verdict: fail/);
  assert.match(answer.stdout, /^fail +a\\n::error::b\\u001b\[31m ##\\\[error\]c\\u202e {2}exact_match/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
  for (const text of [answer.stdout, answer.stderr]) assert.doesNotMatch(text, /\x1b|^\s*::|##\[|\u202e/m);
});

test("run: a new project is compared with the bare base", async () => {
  const repository = repositories.make({ ".gitignore": ".gitune/\n" });
  const publish = `publish: { hub: acme/colors, base: acme/tiny, revision: "${"0".repeat(40)}" }\n`;
  repository.write({ ...FILES, "datasets/colors/gitune.yaml": config({}, publish) });
  const document = documentOf(await repository.gitune(["run", "--json"]));
  const [colors] = document.projects;
  // What a release would be told of its servers is said before it is merged.
  const serving = colors?.issues.filter(({ code }) => code === "publish.serving");
  assert.deepEqual(
    serving?.map(({ severity }) => severity),
    ["warning"],
    "rank 4 in TGI",
  );
  assert.deepEqual([colors?.status, colors?.adapters.base, colors?.notes.length], ["new", null, 1]);
  assert.deepEqual(colors?.results.base, colors?.results.bare);
});

test("run: rows with errors are a no of the checks, reported, and nothing is trained", async () => {
  const repository = repositories.project();
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
  const repository = repositories.project({ "datasets/colors/train.jsonl": `${rows}{"broken\n` });
  repository.write({ "datasets/colors/train.jsonl": rows });
  const document = documentOf(await repository.gitune(["run", "--json"]));
  assert.deepEqual([document.projects[0]?.status, document.projects[0]?.adapters.base], ["changed", null]);
  assert.match(document.projects[0]?.notes[0] ?? "", /base's state cannot be trained/);
});

/** Runs until the work folder has its first checkpoint, then sends the signal. */
function stopInTraining(repository: TestRepository, signal: NodeJS.Signals): Promise<Answer> {
  const hasCheckpoint = () => storedFiles(repository).some((path) => /work.*checkpoints.step-\d+$/.test(path));
  return repository.gitune(["run", "--no-bare"], {
    onSpawn: async (child) => {
      while (!hasCheckpoint() && child.exitCode === null) await sleep(5);
      child.kill(signal);
    },
  });
}

test("Ctrl-C is a clean stop with 3, kill -9 loses nothing, and both go on to the same bytes", async () => {
  const recipe = { max_steps: 60, checkpoint_steps: 3, eval_steps: 5, load_best_model_at_end: true };
  const long = {
    ...FILES,
    ...VALIDATED,
    "datasets/colors/gitune.yaml": config(recipe).replace("train: train.jsonl", "$&, validation: validation.jsonl"),
  };
  const repository = repositories.project(long);
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
  const repository = repositories.project();
  repository.write({ "datasets/colors/train.jsonl": jsonl(numbers(1, 9).map((id) => row(id))) });
  // Files of at most 4 blocks of 512 bytes: the adapter does not fit.
  const script = 'ulimit -f 4; exec "$0" "$@"';
  const args = ["-c", script, process.execPath, MAIN, "run", "--no-bare"];
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile("sh", args, { cwd: repository.root, env: ENVIRONMENT }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  assert.equal(code, 3, stderr);
  assert.match(stderr, /\[disk\.(write|full)\]|\[machine\.io\]/);
  assert.ok(!storedFiles(repository).some((path) => /^(json|folders)\b.*adapter/.test(path)));
  const again = await repository.gitune(["run", "--no-bare"]);
  assert.equal(again.code, 0, again.stderr);
});

test("plan: names what has to be trained, trains nothing, and judges what the store has", async () => {
  const repository = repositories.project({
    "datasets/still/gitune.yaml": config().replace("name: colors", "name: still"),
  });
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
  const repository = repositories.project();
  repository.write({ "datasets/colors/train.jsonl": "{}\n" });
  const answer = await repository.gitune(["plan", "--json"]);
  assert.equal(answer.code, 1);
  assert.deepEqual(
    documentOf(answer).projects.map(({ status }) => status),
    ["invalid"],
  );
});
