import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { discoverProjects } from "../config/discover.js";
import { sha256Hex } from "../hash.js";
import { configText, tempRepo } from "../testing/temp-repo.js";
import { buildLock, LOCK_FILE } from "./build.js";
import { readLock, writeLock } from "./file.js";
import { verifyLock } from "./verify.js";

const PARTS = {
  base: { id: "models/tiny", revision: null, sha256: sha256Hex("base") },
  template_sha256: sha256Hex("template"),
  versions: { gitune: "0.1.0" },
  device: "cpu",
};

test("a lock is written, read and verified; each input that changes is named", async (t) => {
  const repo = tempRepo(t, {
    "datasets/demo/gitune.yaml": configText(),
    "datasets/demo/train.jsonl": [{ prompt: "a", completion: "b" }],
  });
  const lockNow = async (parts = PARTS) => {
    const [project] = (await discoverProjects(repo.root)).projects;
    assert.ok(project);
    return buildLock(project, parts);
  };
  const lock = await lockNow();
  await writeLock(repo.root, lock);
  assert.deepEqual(await readLock(repo.root), lock);
  assert.deepEqual(verifyLock(lock, await lockNow()), []);

  repo.write({ "datasets/demo/train.jsonl": [{ prompt: "a", completion: "c" }] });
  const issues = verifyLock(lock, await lockNow({ ...PARTS, template_sha256: sha256Hex("other"), device: "cuda" }));
  assert.deepEqual(
    issues.map(({ code, severity, pointer, file }) => [code, severity, pointer, file]),
    [
      ["lock.mismatch", "error", "/template_sha256", undefined],
      ["lock.mismatch", "error", "/rows", "datasets/demo/train.jsonl"],
      ["lock.mismatch", "note", "/device", undefined],
    ],
  );
});

test("validation rows are part of a lock where they decide which state is kept", async (t) => {
  const files = async (train: string) => {
    const repo = tempRepo(t, {
      "datasets/demo/gitune.yaml": configText({ train }).replace("train: train.jsonl", "$&, validation: v.jsonl"),
      "datasets/demo/train.jsonl": [{ prompt: "a", completion: "b" }],
      "datasets/demo/v.jsonl": [{ prompt: "c", completion: "d" }],
    });
    const [project] = (await discoverProjects(repo.root)).projects;
    assert.ok(project);
    return (await buildLock(project, PARTS)).rows.map(({ file }) => file);
  };
  assert.deepEqual(await files(""), ["datasets/demo/train.jsonl"]);
  for (const train of ["  early_stopping: {}", "  load_best_model_at_end: true"]) {
    assert.deepEqual(await files(train), ["datasets/demo/train.jsonl", "datasets/demo/v.jsonl"]);
  }
});

test("a missing or broken lock is an error", async (t) => {
  const repo = tempRepo(t);
  await assert.rejects(readLock(repo.root), /no adapter/);
  for (const text of ["{", "{}", '{"version":2}']) {
    writeFileSync(join(repo.root, LOCK_FILE), text);
    await assert.rejects(readLock(repo.root), /lock/);
  }
});
