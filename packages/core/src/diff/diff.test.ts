import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, sha256Hex } from "../hash.js";
import { GituneError } from "../issue.js";
import type { JsonObject } from "../row.js";
import { configText, tempRepo } from "../testing/temp-repo.js";
import { diffProjects } from "./diff-projects.js";
import { applyPatch, diffRows, type PlacedRow } from "./diff-rows.js";
import { renderDiff } from "./render-diff.js";
import { diffWords } from "./words.js";

/** Rows of files, keyed by id where they have one. */
function place(files: Readonly<Record<string, readonly JsonObject[]>>): PlacedRow[] {
  return Object.keys(files)
    .sort()
    .flatMap((file) =>
      (files[file] ?? []).map((value, index) => {
        const key = value["id"] === undefined ? sha256Hex(canonicalJson(value)) : String(value["id"]);
        return { key, value, file, line: index + 1 };
      }),
    );
}
const kinds = (before: readonly JsonObject[], after: readonly JsonObject[], hasIds: boolean) =>
  diffRows(place({ f: before }), place({ f: after }), hasIds).map(({ kind, line }) => `${kind}:${line}`);
const row = (id: number, text = `text ${id}`): JsonObject => ({ id, text });

test("with ids: added, removed, changed and moved are told apart", () => {
  const before = [1, 2, 3, 4, 5].map((id) => row(id));
  assert.deepEqual(kinds(before, before, true), []);
  assert.deepEqual(kinds(before, [row(9), ...before], true), ["added:1"]);
  assert.deepEqual(kinds(before, before.slice(1), true), ["removed:1"]);
  assert.deepEqual(kinds(before, [...before.slice(0, 2), row(3, "other"), ...before.slice(3)], true), ["changed:3"]);
  assert.deepEqual(
    kinds(before, [...before.slice(1), row(1)], true),
    ["moved:5"],
    "the row that went to the end moved, not the four before it",
  );
  assert.deepEqual(
    kinds(before, [...before.slice(1), row(1, "other")], true),
    ["changed:5"],
    "a changed row is changed wherever it stands",
  );
});

test("a row of another file moved", () => {
  const changes = diffRows(place({ a: [row(1), row(2)] }), place({ a: [row(1)], b: [row(2)] }), true);
  assert.deepEqual(
    changes.map(({ kind, file, line }) => [kind, file, line]),
    [["moved", "b", 1]],
  );
});

test("reordering alone is neither added nor removed", () => {
  const before = Array.from({ length: 30 }, (_, id) => ({ text: `row number ${id} of many` }));
  const changes = diffRows(place({ f: before }), place({ f: [...before].reverse() }), false);
  assert.deepEqual(new Set(changes.map(({ kind }) => kind)), new Set(["moved"]));
  assert.equal(changes.length, 29);
});

test("without ids, an edited row is changed and a rewritten one is removed and added", () => {
  const before = [
    { prompt: "What is the capital of France?", completion: "Paris" },
    { prompt: "Name a color that the sky has", completion: "blue" },
  ];
  const edited = [{ prompt: "What is the capital of France?", completion: "Lyon" }, before[1] as JsonObject];
  assert.deepEqual(kinds(before, edited, false), ["changed:1"]);
  const rewritten = [{ prompt: "Twelve hungry bears went home", completion: "why" }, before[1] as JsonObject];
  assert.deepEqual(kinds(before, rewritten, false), ["removed:1", "added:1"]);
});

test("pairing edits takes bounded time where all rows are alike", () => {
  const rows = (tail: string) =>
    Array.from({ length: 3000 }, (_, index) => ({ text: `the same words in every row ${tail}${index}` }));
  const started = performance.now();
  const changes = diffRows(place({ f: rows("a") }), place({ f: rows("b") }), false);
  assert.equal(changes.filter(({ kind }) => kind === "changed").length, 3000);
  assert.ok(performance.now() - started < 10_000);
});

const value = fc.record({ text: fc.constantFrom("a b c d", "a b c e", "x", "y z", "a b", ""), n: fc.nat(40) });
const layout = fc.record({ f: fc.array(value, { maxLength: 12 }), g: fc.array(value, { maxLength: 6 }) });

test("applyPatch(a, diffRows(a, b)) has b's rows, without ids", () => {
  fc.assert(
    fc.property(layout, layout, (a, b) => {
      const [before, after] = [place(a), place(b)];
      const patched = applyPatch(before, diffRows(before, after, false)).map(canonicalJson);
      assert.deepEqual(patched.sort(), after.map((item) => canonicalJson(item.value)).sort());
    }),
    { numRuns: 500 },
  );
});

test("applyPatch(a, diffRows(a, b)) is b in b's order, where no row is there twice", () => {
  const unique = fc
    .uniqueArray(fc.nat(30), { maxLength: 16 })
    .chain((ids) =>
      fc.tuple(
        fc.constant(ids),
        fc.nat(ids.length),
        fc.array(fc.constantFrom("p", "q"), { minLength: ids.length, maxLength: ids.length }),
      ),
    );
  const files = unique.map(([ids, cut, texts]) => {
    const rows = ids.map((id, index) => row(id, texts[index]));
    return place({ f: rows.slice(0, cut), g: rows.slice(cut) });
  });
  fc.assert(
    fc.property(files, files, fc.boolean(), (before, after, hasIds) => {
      const keyed = hasIds
        ? (rows: PlacedRow[]) => rows
        : (rows: PlacedRow[]) => rows.map((item) => ({ ...item, key: canonicalJson(item.value) }));
      const patched = applyPatch(before, diffRows(keyed(before), keyed(after), hasIds));
      assert.deepEqual(
        patched,
        after.map((item) => item.value),
      );
    }),
    { numRuns: 500 },
  );
});

test("words: what differs, and only that", () => {
  const text = (runs: ReturnType<typeof diffWords>) =>
    runs.map(({ kind, text: part }) => `${kind[0]}:${part}`).join("|");
  assert.equal(text(diffWords("the red car", "the blue car")), "s:the |r:red|a:blue|s: car");
  assert.equal(text(diffWords("", "new")), "a:new");
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.string({ maxLength: 40 }), (a, b) => {
      const runs = diffWords(a, b).filter(({ text: part }) => !part.includes("…"));
      const side = (kind: string) =>
        runs
          .filter((run) => run.kind !== kind)
          .map((run) => run.text)
          .join("");
      if (!a.includes("…") && !b.includes("…")) assert.deepEqual([side("added"), side("removed")], [a, b]);
    }),
  );
});

const FILES = {
  "datasets/demo/gitune.yaml": configText({ data: "  id: id" }),
  "datasets/demo/train.jsonl": [1, 2, 3].map((id) => ({ id, prompt: `p${id}`, completion: "c" })),
};

test("two commits, and a commit and the working tree, are diffed out of git's objects", async (t) => {
  const repo = tempRepo(t, FILES);
  const first = repo.commit();
  repo.write({
    "datasets/demo/train.jsonl": [
      { id: 1, prompt: "p1", completion: "other" },
      { id: 3, prompt: "p3", completion: "c" },
      { id: 4, prompt: "p4", completion: "c" },
    ],
  });
  const worktree = await diffProjects({ root: repo.root, base: "HEAD", head: "worktree" });
  const second = repo.commit();
  const commits = await diffProjects({ root: repo.root, base: first, head: "main" });
  assert.deepEqual([worktree.base, worktree.head, commits.base, commits.head], [first, "worktree", first, second]);
  assert.deepEqual(worktree.projects, commits.projects);
  const [split] = commits.projects[0]?.splits ?? [];
  assert.deepEqual(
    { ...split, rows: split?.rows.map(({ kind, key, file, line }) => [kind, key, file, line]) },
    {
      split: "train",
      added: 1,
      removed: 1,
      changed: 1,
      moved: 0,
      unchanged: 1,
      rows: [
        ["changed", "1", "datasets/demo/train.jsonl", 1],
        ["removed", "2", "datasets/demo/train.jsonl", 2],
        ["added", "4", "datasets/demo/train.jsonl", 3],
      ],
    },
  );
});

test("rows that Git LFS has not fetched are an error, not a split without rows", async (t) => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`;
  const repo = tempRepo(t, { ...FILES, "datasets/demo/train.jsonl": pointer });
  repo.commit();
  repo.write(FILES);
  const refused = await diffProjects({ root: repo.root, base: "HEAD", head: "worktree" }).catch(
    (error: unknown) => error,
  );
  const [issue] = refused instanceof GituneError ? refused.issues : [];
  assert.deepEqual([issue?.code, issue?.file, issue?.line], ["jsonl.lfs", "datasets/demo/train.jsonl", 1]);
});

test("new, removed and renamed projects; a base with a broken config is read with the head's", async (t) => {
  const repo = tempRepo(t, {
    ...FILES,
    "datasets/old/gitune.yaml": configText({ name: "old" }),
    "datasets/old/train.jsonl": [{ prompt: "a", completion: "b" }],
  });
  const base = repo.commit();
  repo.git("rm", "-rq", "datasets/old");
  repo.git("mv", "datasets/demo", "datasets/elsewhere");
  repo.write({
    "datasets/new/gitune.yaml": configText({ name: "new" }),
    "datasets/new/train.jsonl": [{ prompt: "a", completion: "b" }],
  });
  const { projects } = await diffProjects({ root: repo.root, base, head: "worktree" });
  const counts = projects.map(({ name, splits }) => [
    name,
    splits[0]?.added,
    splits[0]?.removed,
    splits[0]?.moved,
    splits[0]?.unchanged,
  ]);
  assert.deepEqual(counts, [
    ["demo", 0, 0, 0, 3],
    ["new", 1, 0, 0, 0],
    ["old", 0, 1, 0, 0],
  ]);

  repo.write({ "datasets/new/gitune.yaml": `${configText({ name: "new" })}unknown: 1\n` });
  const broken = repo.commit();
  repo.write({ "datasets/new/gitune.yaml": configText({ name: "new" }) });
  const mended = await diffProjects({ root: repo.root, base: broken, head: "worktree", names: ["new"] });
  assert.deepEqual(
    mended.projects.map(({ splits }) => splits[0]?.unchanged),
    [1],
  );
  await assert.rejects(diffProjects({ root: repo.root, base, head: broken }), GituneError);
  await assert.rejects(diffProjects({ root: repo.root, base, head: "worktree", names: ["nwe"] }), /no project named/);
});

test("listed rows are bounded, counts are exact, and no temporary folder stays", async (t) => {
  const before = new Set(readdirSync(tmpdir()));
  const repo = tempRepo(t, FILES);
  const base = repo.commit();
  writeFileSync(
    join(repo.root, "datasets/demo/train.jsonl"),
    Array.from({ length: 500 }, (_, id) => `${JSON.stringify({ id: id + 100, prompt: "p", completion: "c" })}\n`).join(
      "",
    ),
  );
  const { projects } = await diffProjects({ root: repo.root, base, head: "worktree", maxRows: 20 });
  const [split] = projects[0]?.splits ?? [];
  assert.deepEqual([split?.added, split?.removed, split?.rows.length], [500, 3, 20]);
  const text = renderDiff({ version: 1, base, head: "worktree", projects }, "text");
  assert.match(text, /and 483 more$/);
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith("gitune-state-") && !before.has(name)),
    [],
  );
});

test("a row's text cannot leave its place in Markdown", () => {
  const hostile =
    "@octocat <img src=x onerror=y> `code` | cell\n# title [a](https://evil.example) $" +
    "{{ secrets.X }} #1 \u202etxt";
  const change = { key: "a", kind: "added" as const, after: { text: hostile }, file: "f.jsonl", line: 1 };
  const split = { split: "train", added: 1, removed: 0, changed: 0, moved: 0, unchanged: 0, rows: [change] };
  const text = renderDiff({ version: 1, base: "a", head: "b", projects: [{ name: "p", splits: [split] }] }, "markdown");
  const line = text.split("\n").find((part) => part.includes("octocat")) ?? "";
  const live = [/@octocat/, /<img/, /(?<!\\)[`|\]]/, /\$\{\{/, /:\/\//, /#1/, /\u202e/];
  for (const pattern of live) assert.doesNotMatch(line, pattern);
});
