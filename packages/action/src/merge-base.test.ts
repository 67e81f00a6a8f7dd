import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { baseOfChange } from "./merge-base.js";

let dir: string;
const git = (...args: readonly string[]) => {
  const who = ["-c", "user.name=o", "-c", "user.email=o@example.com"];
  return execFileSync("git", [...who, ...args], { cwd: dir, encoding: "utf8" }).trim();
};
const commit = (message: string) => {
  git("commit", "--quiet", "--allow-empty", "--message", message);
  return git("rev-parse", "HEAD");
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gitune-base-"));
  git("init", "--quiet", "--initial-branch=main");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("baseOfChange", () => {
  it("is the first parent of the merge that was checked out, however old the event's base is", async () => {
    const old = commit("old base");
    git("checkout", "--quiet", "-b", "change");
    const head = commit("head");
    git("checkout", "--quiet", "main");
    const now = commit("main went on");
    git("merge", "--quiet", "--no-ff", "--no-edit", "change");
    const pull = { headSha: head, baseSha: old };
    assert.equal(await baseOfChange(dir, pull), now);
  });

  it("is the event's base where the head itself was checked out", async () => {
    const base = commit("base");
    const head = commit("head");
    assert.equal(await baseOfChange(dir, { headSha: head, baseSha: base }), base);
  });

  it("is left to the CLI without a pull request, or where the base was not fetched", async () => {
    const head = commit("head");
    assert.equal(await baseOfChange(dir, null), null);
    const pull = { headSha: head, baseSha: "0".repeat(40) };
    assert.equal(await baseOfChange(dir, pull), null);
  });
});
