import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { cacheKey } from "../hash.js";
import { GituneError, type Issue } from "../issue.js";
import { tempDir } from "../testing/temp-repo.js";
import { Store } from "./store.js";

const KEY = cacheKey({ test: 1 });
const files = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort()
    : [];
const noSpace = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
const isFull = (error: unknown) =>
  error instanceof GituneError && error.exitCode === 3 && error.issues[0]?.code === "disk.full";

test("JSON comes back as it went in; nothing is there before", async (t) => {
  const store = new Store(tempDir(t));
  assert.equal(await store.getJson(KEY), undefined);
  await store.putJson(KEY, { b: [1, "ü", null], a: 0.1 });
  assert.deepEqual(await store.getJson(KEY), { a: 0.1, b: [1, "ü", null] });
  await store.putJson(KEY, null);
  assert.equal(await store.getJson(KEY), null);
});

test("a damaged value is dropped and told, not used", async (t) => {
  const issues: Issue[] = [];
  const store = new Store(tempDir(t), { onIssue: (issue) => issues.push(issue) });
  await store.putJson(KEY, { score: 1 });
  const path = join(store.dir, "json", KEY.slice(0, 2), `${KEY}.json`);
  writeFileSync(path, readFileSync(path, "utf8").replace('"score":1', '"score":2'));
  assert.equal(await store.getJson(KEY), undefined);
  assert.deepEqual(
    issues.map(({ code, severity }) => [code, severity]),
    [["store.damaged", "warning"]],
  );
  assert.deepEqual(files(store.dir), []);
});

test("a folder comes back whole, with the writer's value", async (t) => {
  const store = new Store(tempDir(t));
  const put = await store.putFolder(KEY, async (folder) => {
    mkdirSync(join(folder, "sub"));
    await writeFile(join(folder, "sub", "a.txt"), "a");
    return 7;
  });
  assert.equal(put.value, 7);
  assert.equal(await store.getFolder(KEY), put.dir);
  assert.equal(readFileSync(join(put.dir, "sub", "a.txt"), "utf8"), "a");
  assert.deepEqual(readdirSync(join(store.dir, "tmp")), []);
});

const DAMAGE: Readonly<Record<string, (dir: string) => void>> = {
  "a changed byte": (dir) => writeFileSync(join(dir, "a"), "b"),
  "a longer file": (dir) => appendFileSync(join(dir, "a"), "x"),
  "a cut file": (dir) => truncateSync(join(dir, "a"), 0),
  "a lost file": (dir) => rmSync(join(dir, "a")),
  "an added file": (dir) => writeFileSync(join(dir, "b"), ""),
  "a symlink": (dir) => symlinkSync("/etc/passwd", join(dir, "link")),
  "a broken manifest": (dir) => writeFileSync(join(dir, "..", "manifest.json"), "{"),
  "a lost manifest": (dir) => rmSync(join(dir, "..", "manifest.json")),
};
for (const [name, harm] of Object.entries(DAMAGE)) {
  test(`a folder with ${name} is dropped, and can be put again`, async (t) => {
    const issues: Issue[] = [];
    const store = new Store(tempDir(t), { onIssue: (issue) => issues.push(issue) });
    const write = (folder: string) => writeFile(join(folder, "a"), "a");
    const { dir } = await store.putFolder(KEY, write);
    harm(dir);
    assert.equal(await store.getFolder(KEY), null);
    assert.equal(issues.length, 1);
    await store.putFolder(KEY, write);
    assert.equal(readFileSync(join(dir, "a"), "utf8"), "a");
  });
}

test("a put over a damaged entry replaces it", async (t) => {
  const store = new Store(tempDir(t));
  const { dir } = await store.putFolder(KEY, (folder) => writeFile(join(folder, "a"), "a"));
  writeFileSync(join(dir, "a"), "x");
  await store.putFolder(KEY, (folder) => writeFile(join(folder, "a"), "a"));
  assert.equal(readFileSync(join(dir, "a"), "utf8"), "a");
});

test("a writer that fails, stops or fills the disk leaves nothing behind", async (t) => {
  const store = new Store(tempDir(t));
  const failing = (error: unknown) =>
    store.putFolder(KEY, async (folder) => {
      await writeFile(join(folder, "half"), "half");
      throw error;
    });
  await assert.rejects(failing(new Error("boom")), /boom/);
  await assert.rejects(failing(new DOMException("stop", "AbortError")), { name: "AbortError" });
  await assert.rejects(failing(noSpace()), isFull);
  await assert.rejects(failing(new Error("engine", { cause: noSpace() })), isFull);
  assert.equal(await store.getFolder(KEY), null);
  assert.deepEqual(files(store.dir), []);
});

test("a disk that fills up while the store itself writes leaves nothing behind", async (t) => {
  const openFile = async (path: string, flags: string) => {
    const handle = await open(path, flags);
    handle.appendFile = () => Promise.reject(noSpace());
    return handle;
  };
  const store = new Store(tempDir(t), { openFile });
  await assert.rejects(store.putJson(KEY, 1), isFull);
  await assert.rejects(
    store.putFolder(KEY, (folder) => writeFile(join(folder, "a"), "a")),
    isFull,
  );
  assert.deepEqual(files(store.dir), []);
});

test("many writers at once: one entry, whole, for all of them", async (t) => {
  const dir = tempDir(t);
  const put = () => new Store(dir).putFolder(KEY, (folder) => writeFile(join(folder, "a"), "same"));
  const all = await Promise.all(Array.from({ length: 12 }, put));
  assert.equal(new Set(all.map((entry) => entry.dir)).size, 1);
  assert.deepEqual(files(dir), ["a", "manifest.json"]);
  assert.ok(await new Store(dir).getFolder(KEY));
});

test("what a killed run left is removed after a day, not before", async (t) => {
  const dir = tempDir(t);
  for (const name of ["old", "new"]) mkdirSync(join(dir, "tmp", name), { recursive: true });
  const twoDaysAgo = new Date(Date.now() - 48 * 3600 * 1000);
  utimesSync(join(dir, "tmp", "old"), twoDaysAgo, twoDaysAgo);
  await new Store(dir).putFolder(KEY, async () => undefined);
  assert.deepEqual(readdirSync(join(dir, "tmp")), ["new"]);
});

test("a key that is no hash never becomes a path", async (t) => {
  await assert.rejects(new Store(tempDir(t)).getJson("../../etc/passwd"), /no key/);
});
