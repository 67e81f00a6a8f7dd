import assert from "node:assert/strict";
import { test } from "node:test";
import { tempRepo } from "../testing/temp-repo.js";
import {
  branchHolder,
  commitFiles,
  commitsSince,
  linesAddedByGitune,
  mergeTrees,
  readFileAt,
  treeOf,
  updateBranch,
} from "./write.js";

test("a commit is made beside the working tree, and a branch moves only from where it was thought to be", async (t) => {
  const repo = tempRepo(t, { "d/a.jsonl": "1\n", "d/ü [x]": "kept" });
  const base = repo.commit();
  repo.write({ "d/a.jsonl": "not committed\n" });
  const files = new Map([
    ["d/a.jsonl", "1\n2\n"],
    ["d/new; $(id)\n\t.jsonl", "n\n"],
  ]);
  const commit = await commitFiles(repo.root, { tree: base, parents: [base], message: "rows\n", files });
  for (const [path, text] of files) assert.equal(await readFileAt(repo.root, commit, path), text);
  assert.equal(await readFileAt(repo.root, commit, "d/ü [x]"), "kept");
  assert.equal(await readFileAt(repo.root, commit, "d"), null);
  assert.equal(repo.git("show", "-s", "--format=%an <%ae>", commit), "gitune <gitune@users.noreply.github.com>");
  assert.equal(repo.git("status", "--porcelain"), "M d/a.jsonl", "index and files are the user's");

  assert.equal(await updateBranch(repo.root, "gitune/x", commit, base), false, "it is not there");
  assert.equal(await updateBranch(repo.root, "gitune/x", base, null), true);
  assert.equal(await updateBranch(repo.root, "gitune/x", commit, null), false, "it is there");
  assert.equal(await updateBranch(repo.root, "gitune/x", commit, base), true);
  assert.deepEqual(
    [await branchHolder(repo.root, "main"), await branchHolder(repo.root, "gitune/x")],
    [repo.root, null],
  );
});

test("a merge keeps what both sides added to JSON Lines, and says no to a conflict elsewhere", async (t) => {
  const repo = tempRepo(t, { "a.jsonl": "1\n", text: "1\n" });
  repo.commit();
  repo.git("checkout", "-q", "-b", "side");
  repo.write({ "a.jsonl": "1\nside\n" });
  const side = repo.commit();
  repo.git("checkout", "-q", "main");
  repo.write({ "a.jsonl": "1\nmain\n" });
  const main = repo.commit();
  const tree = await mergeTrees(repo.root, side, main);
  assert.ok(tree);
  assert.deepEqual((await readFileAt(repo.root, tree, "a.jsonl"))?.split("\n").sort(), ["", "1", "main", "side"]);
  assert.equal(await treeOf(repo.root, tree), tree);
  repo.write({ text: "main\n" });
  const other = repo.commit();
  repo.git("checkout", "-q", "side");
  repo.write({ text: "side\n" });
  assert.equal(await mergeTrees(repo.root, repo.commit(), other), null);
});

test("what gitune wrote and what people wrote are told apart", async (t) => {
  const repo = tempRepo(t, { "a.jsonl": '{"n":1}\n' });
  const base = repo.commit();
  const files = new Map([["a.jsonl", '{"n":1}\n{"n":2}\n']]);
  const ours = await commitFiles(repo.root, { tree: base, parents: [base], message: "rows\n", files });
  await updateBranch(repo.root, "gitune/x", ours, null);
  repo.git("checkout", "-q", "gitune/x");
  repo.write({ "a.jsonl": '{"n":1}\n{"n":3}\n' });
  const theirs = repo.commit();
  assert.deepEqual(await commitsSince(repo.root, base, theirs), [
    { sha: theirs, isOurs: false },
    { sha: ours, isOurs: true },
  ]);
  assert.deepEqual(await linesAddedByGitune(repo.root, [theirs], ["a.jsonl"]), ['{"n":2}']);
});
