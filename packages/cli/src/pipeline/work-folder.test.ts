import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { copyAdapter, releaseWork, takeWork } from "./work-folder.js";

const store = mkdtempSync(join(tmpdir(), "gitune-work-"));
after(() => rmSync(store, { recursive: true, force: true }));

/** The id of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", "0"]).pid;
}

test("a stopped training is found again", async () => {
  const first = await takeWork(store, "a");
  writeFileSync(join(first.dir, "state"), "3");
  await releaseWork(first);
  const second = await takeWork(store, "a");
  assert.equal(second.dir, first.dir);
  assert.ok(existsSync(join(second.dir, "state")));
  await releaseWork(second);
});

test("a living process keeps its folder, a killed one does not", async () => {
  mkdirSync(join(store, "work"), { recursive: true });
  const lock = join(store, "work", "b.lock");
  writeFileSync(lock, String(process.ppid));
  const own = await takeWork(store, "b");
  assert.deepEqual([own.dir, own.lock], [join(store, "work", `b.${process.pid}`), null]);
  await releaseWork(own);
  assert.ok(!existsSync(own.dir));
  assert.ok(existsSync(lock));

  writeFileSync(lock, String(deadPid()));
  const taken = await takeWork(store, "b");
  assert.deepEqual([taken.dir, taken.lock], [join(store, "work", "b"), lock]);
  await releaseWork(taken);
  assert.ok(!existsSync(lock));
});

test("a lock that was never written counts for a moment only", async () => {
  const lock = join(store, "work", "c.lock");
  writeFileSync(lock, "");
  assert.equal((await takeWork(store, "c")).lock, null);
  const old = new Date(Date.now() - 60_000);
  utimesSync(lock, old, old);
  assert.equal((await takeWork(store, "c")).lock, lock);
});

test("an adapter leaves its checkpoints behind", async () => {
  const [from, to] = [join(store, "from"), join(store, "to")];
  mkdirSync(join(from, "checkpoints", "step-3"), { recursive: true });
  writeFileSync(join(from, "adapter_model.safetensors"), "x");
  await copyAdapter(from, to);
  assert.deepEqual(readdirSync(to), ["adapter_model.safetensors"]);
});
