/** Training survives kill -9: whatever the moment, the resumed run ends in the bytes of an undisturbed one. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";

const CLI = join(REPOSITORY, "packages/cli/dist/main.js");
const KILLS = 20;
/** Moments are random, but the same in every run of this test. */
const SEED = 20_261_123;

const CONFIG = `name: kill
version: 1.0.0
data:
  format: messages
  splits: { train: train.jsonl }
train:
  base: models/gitune-tiny
  technique: { type: lora, r: 4, alpha: 8, dropout: 0.1, targets: all-linear }
  max_steps: 12
  batch_size: 8
  micro_batch_size: 4
  max_length: 128
  checkpoint_steps: 2
`;

let root = "";

before(() => {
  root = mkdtempSync(join(tmpdir(), "gitune-kill-"));
  cpSync(join(REPOSITORY, "models/gitune-tiny"), join(root, "models/gitune-tiny"), { recursive: true });
  const project = join(root, "datasets/kill");
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, "gitune.yaml"), CONFIG);
  const rows = readFileSync(join(REPOSITORY, "datasets/package-section/train/0001.jsonl"), "utf8")
    .split("\n")
    .slice(0, 64);
  writeFileSync(join(project, "train.jsonl"), rows.join("\n"));
  assert.equal(spawnSync("git", ["init", "-q"], { cwd: root }).status, 0);
});

after(() => rmSync(root, { recursive: true, force: true }));

const args = (out: string, ...more: string[]) => [CLI, "train", "kill", "--out", out, "--json", "--quiet", ...more];

function train(out: string, ...more: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args(out, ...more), { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return (JSON.parse(stdout) as { adapter: { sha256: string } }).adapter.sha256;
}

/** Starts a training and kills it after a while. @returns whether it was still running */
function trainUntil(out: string, delayMs: number): Promise<boolean> {
  const child = spawn(process.execPath, args(out), { cwd: root, stdio: "ignore" });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), delayMs);
    child.on("error", reject);
    child.on("exit", (_code, signal) => {
      clearTimeout(timer);
      resolve(signal === "SIGKILL");
    });
  });
}

test(`killed at ${KILLS} random moments and resumed, training gives the same adapter each time; with one thread, too`, async (t) => {
  const started = performance.now();
  const expected = train("undisturbed");
  const wholeMs = performance.now() - started;
  assert.equal(train("one-thread", "--threads", "1"), expected);

  let seed = SEED;
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  let killed = 0;
  for (let i = 0; i < KILLS; i++) {
    const out = `killed-${i}`;
    if (await trainUntil(out, random() * wholeMs)) killed++;
    assert.equal(train(out, "--resume"), expected, `kill ${i}`);
    rmSync(join(root, out), { recursive: true, force: true });
  }
  t.diagnostic(`${killed} of ${KILLS} runs were killed while they ran`);
  assert.ok(killed >= KILLS / 2, `only ${killed} runs were still running`);
});
