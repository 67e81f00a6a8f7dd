import assert from "node:assert/strict";
import { test } from "node:test";
import { tempRepo } from "../testing/temp-repo.js";
import { listGlob, matchesGlob } from "./glob.js";

const CASES: readonly [glob: string, yes: readonly string[], no: readonly string[]][] = [
  ["train.jsonl", ["train.jsonl"], ["xtrain.jsonl", "a/train.jsonl"]],
  ["train/*.jsonl", ["train/a.jsonl"], ["train/a/b.jsonl", "train/.a.jsonl", "train/a.json"]],
  ["./a?.txt", ["ab.txt"], ["a.txt", "abc.txt"]],
  ["**/*.jsonl", ["a.jsonl", "x/a.jsonl", "x/y/a.jsonl"], ["x/.y/a.jsonl"]],
  ["a/**", ["a/b", "a/b/c"], ["b/a"]],
  ["a/**/b", ["a/b", "a/x/y/b"], ["a/x"]],
  ["{a,b}/*.{x,y}", ["a/1.x", "b/1.y"], ["c/1.x", "a/1.z"]],
  ["a[1].txt", ["a[1].txt"], ["a1.txt"]],
];
for (const [glob, yes, no] of CASES) {
  test(`glob ${glob}`, async (t) => {
    for (const path of yes) assert.ok(matchesGlob(path, glob), path);
    for (const path of no) assert.ok(!matchesGlob(path, glob), path);
    const repo = tempRepo(
      t,
      Object.fromEntries(
        [...yes, ...no]
          .filter((path, _, all) => !all.some((other) => other.startsWith(`${path}/`)))
          .map((path) => [path, "x"]),
      ),
    );
    const there = yes.filter((path) => ![...yes, ...no].some((other) => other.startsWith(`${path}/`)));
    assert.deepEqual(await listGlob(repo.root, glob), [...there].sort());
  });
}

test("a hostile glob is not slow", () => {
  const started = performance.now();
  matchesGlob("a".repeat(250), `${"*a".repeat(60)}b`);
  matchesGlob(Array(100).fill("a").join("/"), `${"**/a/".repeat(40)}b`);
  matchesGlob("x", "{a,b}".repeat(40));
  assert.ok(performance.now() - started < 1000);
});
