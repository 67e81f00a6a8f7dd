import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GituneError } from "../issue.js";
import { tempDir, tempRepo } from "../testing/temp-repo.js";
import { listTags, mergeBase, resolveRef } from "./refs.js";
import { openState } from "./state.js";

const hasCode = (code: string) => (error: unknown) => error instanceof GituneError && error.issues[0]?.code === code;

test("refs become shas; what git does not know is an error with advice", async (t) => {
  const repo = tempRepo(t, { a: "1" });
  const sha = repo.commit();
  repo.git("tag", "-a", "v1", "-m", "v1");
  for (const ref of ["HEAD", "main", "v1", sha.slice(0, 8)]) assert.equal(await resolveRef(repo.root, ref), sha);
  for (const ref of ["nope", "", "--all", "-n1", "HEAD\0"])
    await assert.rejects(resolveRef(repo.root, ref), hasCode("git.unknown-ref"));
  await assert.rejects(resolveRef(tempDir(t), "HEAD"), hasCode("git.not-a-repository"));
});

test("tags lead to commits, annotated or not; those of other objects are left out", async (t) => {
  const repo = tempRepo(t, { a: "1" });
  const sha = repo.commit();
  repo.git("tag", "colors@1.0.0");
  repo.git("tag", "-a", "colors@1.1.0", "-m", "with a message");
  repo.git("tag", "tree", "HEAD^{tree}");
  assert.deepEqual(await listTags(repo.root), [
    { name: "colors@1.0.0", commit: sha },
    { name: "colors@1.1.0", commit: sha },
  ]);
});

test("the merge-base is where the branch started; on the default branch it is HEAD", async (t) => {
  const repo = tempRepo(t, { a: "1" });
  await assert.rejects(mergeBase(repo.root), hasCode("git.no-merge-base"));
  const first = repo.commit();
  assert.equal(await mergeBase(repo.root), first);
  repo.git("checkout", "-q", "-b", "change");
  repo.write({ a: "2" });
  repo.commit();
  assert.equal(await mergeBase(repo.root), first);
  assert.equal(await mergeBase(repo.root, "change"), await resolveRef(repo.root, "HEAD"));
  repo.git("checkout", "-q", "main");
  repo.write({ b: "3" });
  const third = repo.commit();
  assert.equal(await mergeBase(repo.root), third);
  repo.git("checkout", "-q", "change");
  assert.equal(await mergeBase(repo.root), first);
});

test("a state holds the asked paths as they were, byte for byte, and goes away", async (t) => {
  const binary = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256));
  const repo = tempRepo(t, { "d/a.jsonl": "old\r\n", "d/ü/b [1].bin": binary, "d/empty": "", "e/c": "c", "*": "star" });
  const sha = repo.commit();
  repo.write({ "d/a.jsonl": "new\n" });
  const state = await openState(repo.root, sha, ["d", "missing"]);
  assert.equal(readFileSync(join(state.root, "d/a.jsonl"), "utf8"), "old\r\n");
  assert.deepEqual(readFileSync(join(state.root, "d/ü/b [1].bin")), binary);
  assert.equal(readFileSync(join(state.root, "d/empty"), "utf8"), "");
  assert.ok(!existsSync(join(state.root, "e")));
  await state.dispose();
  assert.ok(!existsSync(state.root));
  const star = await openState(repo.root, sha, ["*"]);
  assert.ok(existsSync(join(star.root, "*")) && !existsSync(join(star.root, "e")), "a star is a name, not a pattern");
  await star.dispose();
  assert.deepEqual(
    { ...(await openState(repo.root, "worktree", ["d"])), dispose: 0 },
    { root: repo.root, sha: "worktree", dispose: 0 },
  );
});

test("symlinks of a commit are not written, and paths that would escape are refused", async (t) => {
  const repo = tempRepo(t, { "d/a": "a" });
  symlinkSync("/etc", join(repo.root, "d", "link"));
  repo.commit();
  const state = await openState(repo.root, "HEAD", ["d"]);
  assert.ok(!existsSync(join(state.root, "d", "link")));
  await state.dispose();
  for (const path of ["../x", "/etc", "d/../../x", ""])
    await assert.rejects(openState(repo.root, "HEAD", [path]), hasCode("git.path"));

  // git's porcelain cannot make such a tree; mktree can.
  const run = (args: readonly string[], input: string) =>
    execFileSync("git", [...args], { cwd: repo.root, input, encoding: "utf8" }).trim();
  const blob = run(["hash-object", "-w", "--stdin"], "evil");
  const inner = run(["mktree"], `100644 blob ${blob}\tx\n`);
  const middle = run(["mktree"], `040000 tree ${inner}\t..\n`);
  const tree = run(["mktree"], `040000 tree ${middle}\td\n`);
  const commit = run(["-c", "user.name=t", "-c", "user.email=t@example.com", "commit-tree", tree, "-m", "evil"], "");
  await assert.rejects(openState(repo.root, commit, ["d"]), hasCode("git.path"));
});

test("what Git LFS keeps is read where it was fetched, and stays a pointer where it was not, or is another", async (t) => {
  const rows = '{"prompt":"a"}\n';
  const pointer = (id: string, size = rows.length) =>
    `version https://git-lfs.github.com/spec/v1\noid sha256:${id}\nsize ${size}\n`;
  const id = createHash("sha256").update(rows).digest("hex");
  const [absent, forged] = ["0".repeat(64), "1".repeat(64)];
  const repo = tempRepo(t, {
    "d/a": pointer(id),
    "d/b": pointer(absent),
    "d/c": pointer(forged),
    "d/d": pointer(id, 9),
  });
  repo.commit();
  for (const name of [id, forged]) {
    const folder = join(repo.root, ".git/lfs/objects", name.slice(0, 2), name.slice(2, 4));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), rows);
  }
  const state = await openState(repo.root, "HEAD", ["d"]);
  const read = (name: string) => readFileSync(join(state.root, "d", name), "utf8");
  assert.deepEqual(["a", "b", "c", "d"].map(read), [rows, pointer(absent), pointer(forged), pointer(id, 9)]);
  await state.dispose();
});
