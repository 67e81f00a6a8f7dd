import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Comparison, Results } from "@gitune/core";
import { entryOf, withEntry, withVersion } from "./edit-files.js";
import { evalLines } from "./eval-diff.js";
import { prepareReleases, RELEASE_BRANCH } from "./prepare-releases.js";
import { nextVersion } from "./project-change.js";

const CONFIG = `# colours
name: colors
version: 1.2.3   # the released one
data: { format: prompt-completion, splits: { train: train.jsonl } }
train: { base: models/tiny, epochs: 1 }
description: Old.
`;
const FILES = {
  "datasets/colors/gitune.yaml": CONFIG,
  "datasets/colors/train.jsonl": '{"prompt":"a","completion":"b"}\n',
  "datasets/colors/README.md": "Old card\n",
  "models/tiny/config.json": "{}",
};

class Repository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-prepare-")));

  constructor(t: TestContext) {
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
    this.git("init", "-q", "-b", "main");
    this.commit(FILES);
    this.git("tag", "colors@1.2.3");
  }

  git(...args: readonly string[]): string {
    const identity = ["-c", "user.name=octo", "-c", "user.email=octo@example.com"];
    return execFileSync("git", [...identity, ...args], { cwd: this.root, encoding: "utf8" }).trim();
  }

  commit(files: Readonly<Record<string, string>>): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), text);
    }
    this.git("add", "-A");
    this.git("commit", "-q", "-m", "change");
    return this.git("rev-parse", "HEAD");
  }

  prepare() {
    return prepareReleases(this.root, this.git("rev-parse", "main"), []);
  }
}

const yaml = (from: string, to: string) => ({ "datasets/colors/gitune.yaml": CONFIG.replace(from, to) });

test("the next version follows from what changed", async (t) => {
  const more = { "datasets/colors/train.jsonl": '{"prompt":"a","completion":"b"}\n{"prompt":"c","completion":"d"}\n' };
  for (const [files, to, line] of [
    [{ "datasets/colors/README.md": "New card\n" }, "1.2.4", "Card"],
    [yaml("Old.", "New."), "1.2.4", "Card: `description`"],
    [more, "1.3.0", "Rows of `train`: 1 added"],
    [yaml("epochs: 1", "epochs: 2"), "1.3.0", "Recipe: `epochs`"],
    [{ "models/tiny/config.json": '{"x":1}' }, "2.0.0", "The base model's files changed, its template or its weights"],
    [yaml("models/tiny", "models/small"), "2.0.0", "Another base model"],
  ] as const) {
    const repository = new Repository(t);
    repository.commit(files);
    const prepared = await repository.prepare();
    assert.deepEqual(
      [prepared.status, prepared.versions[0]?.to, prepared.versions[0]?.lines[0]],
      ["prepared", to, line],
    );
    const text = repository.git("show", `${RELEASE_BRANCH}:datasets/colors/gitune.yaml`);
    assert.match(text, new RegExp(`^version: ${to} {3}# the released one$`, "m"));
    assert.equal(
      repository.git("show", `${RELEASE_BRANCH}:datasets/colors/CHANGELOG.md`),
      `# Changelog\n\n## ${to}\n\n- ${line}`,
    );
  }
});

test("nothing to prepare: no change, no release yet, a version that says it already, a change of no weight", async (t) => {
  const repository = new Repository(t);
  assert.equal((await repository.prepare()).status, "unchanged");
  repository.commit(yaml("version: 1.2.3", "version: 2.0.0"));
  assert.equal((await repository.prepare()).status, "unchanged");
  repository.commit({ ...yaml("epochs: 1", "epochs: 2, checkpoint_steps: 5"), "datasets/colors/CHANGELOG.md": "x" });
  assert.equal((await repository.prepare()).versions[0]?.to, "1.3.0");
  repository.git("tag", "-d", "colors@1.2.3");
  assert.equal((await repository.prepare()).status, "unchanged");
});

test("the branch is made anew when main moves, keeps still when not, and is left to people", async (t) => {
  const repository = new Repository(t);
  repository.commit({ "datasets/colors/README.md": "New card\n" });
  const first = await repository.prepare();
  assert.equal(first.status, "prepared");
  assert.deepEqual(await repository.prepare(), { ...first, status: "pending" });

  const main = repository.commit(yaml("epochs: 1", "epochs: 2"));
  const second = await repository.prepare();
  assert.deepEqual([second.status, second.versions[0]?.to], ["prepared", "1.3.0"]);
  for (const commit of [first.commit ?? "", main])
    repository.git("merge-base", "--is-ancestor", commit, RELEASE_BRANCH);
  assert.deepEqual(repository.git("diff", "--name-only", `main..${RELEASE_BRANCH}`).split("\n"), [
    "datasets/colors/CHANGELOG.md",
    "datasets/colors/gitune.yaml",
  ]);

  repository.git("checkout", "-q", RELEASE_BRANCH);
  const words = repository.commit({ "datasets/colors/CHANGELOG.md": "# Changelog\n\nIn better words.\n" });
  repository.git("checkout", "-q", "main");
  repository.commit({ "datasets/colors/README.md": "Newer card\n" });
  const held = await repository.prepare();
  assert.deepEqual([held.status, held.commit, repository.git("rev-parse", RELEASE_BRANCH)], ["held", words, words]);
});

test("edits leave the rest as it is", () => {
  assert.equal(withVersion('version: "1.0.0" # x\nname: a\n', "2.0.0"), "version: 2.0.0 # x\nname: a\n");
  assert.equal(withVersion("name: a\ndata: {}\n", "0.2.0"), "name: a\nversion: 0.2.0\ndata: {}\n");
  assert.equal(withVersion("{ name: a, version: 1.0.0 }", "2.0.0"), null);
  assert.equal(
    withEntry("# Ours\n\n## 1.0.0\n\n- a\n", "1.1.0", ["b"]),
    "# Ours\n\n## 1.1.0\n\n- b\n\n## 1.0.0\n\n- a\n",
  );
  assert.equal(nextVersion("0.9.9-rc.1", "minor"), "0.10.0");
});

test("a version's part of a changelog is found, however its heading is written", () => {
  const changelog = "# Ours\n\n## [1.1.0] - 2026-01-31\n\n- b\n- c\n\n## v1.0.0\n\n- a\n\n## 0.9.0\n";
  assert.equal(entryOf(changelog, "1.1.0"), "- b\n- c");
  assert.equal(entryOf(changelog, "1.0.0"), "- a");
  for (const version of ["0.9.0", "1.1", "1.1.00"]) assert.equal(entryOf(changelog, version), null);
  assert.equal(entryOf(null, "1.0.0"), null);
});

test("scores are told where both have them, with an interval where the gate has a rule", () => {
  const suite = (name: string, values: Readonly<Record<string, number>>) =>
    ({
      name,
      metrics: Object.fromEntries(Object.entries(values).map(([metric, value]) => [metric, { value }])),
    }) as unknown as Results["suites"][number];
  const results = (...suites: readonly Results["suites"][number][]) => ({ suites }) as unknown as Results;
  const base = results(suite("answers", { exact_match: 0.5, bleu: 20 }));
  const head = results(suite("answers", { exact_match: 0.75, bleu: 21.5, rougeL: 0.5 }), suite("new", { bleu: 1 }));
  const rule = {
    suite: "answers",
    metric: "exact_match",
    base: 0.5,
    head: 0.75,
    delta: 0.25,
    ci: [-0.1, 0.6],
  } as const;
  const comparison: Comparison = {
    version: 1,
    verdict: "inconclusive",
    rules: [{ ...rule, p: null, adjusted_p: null, verdict: "inconclusive" }],
    regressions: [],
    improvements: [],
  };
  assert.deepEqual(evalLines({ results: { bare: null, base, head }, comparison }, "colors@1.2.3"), [
    "Scores on `answers`: `exact_match` 0.500 → 0.750 (−0.100 to +0.600), `bleu` 20.00 → 21.50",
    "Gate: inconclusive, against `colors@1.2.3`",
  ]);
  assert.deepEqual(evalLines({ results: { bare: null, base: null, head }, comparison: null }, "colors@1.2.3"), []);
});
