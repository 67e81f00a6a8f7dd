/** `gitune init` as a new user runs it: in repositories that know nothing of gitune, then validate and run in them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { REPOSITORY } from "../support/action-folder.js";
import { ENVIRONMENT, GitRepository, git } from "../support/git-repository.js";
import { lintWorkflow } from "../support/lint-workflow.js";
import type { Files } from "../support/pull-request.js";
import { tinyBase } from "../support/tiny-base.js";

const MAIN = join(REPOSITORY, "packages/cli/dist/main.js");
const made: string[] = [];
after(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

/** A git repository with one commit of the files. */
function repository(files: Files): string {
  const { root } = new GitRepository(files);
  made.push(root);
  return root;
}

function gitune(root: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: root,
    env: ENVIRONMENT,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: status, stdout, stderr };
}

interface InitDocument {
  readonly dry_run: boolean;
  readonly projects: readonly {
    readonly name: string;
    readonly format: string;
    readonly columns: Readonly<Record<string, string>>;
    readonly rows: { readonly train: number; readonly validation: number; readonly suite: number };
    readonly left_out: readonly { readonly code: string; readonly rows: number; readonly first: string }[];
  }[];
  readonly known: readonly string[];
  readonly written: readonly string[];
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

function init(root: string, ...args: readonly string[]): InitDocument {
  const { code, stdout, stderr } = gitune(root, "init", "--yes", "--json", ...args);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as InitDocument;
}

const lines = (rows: readonly unknown[], end = "\n") => rows.map((row) => `${JSON.stringify(row)}${end}`).join("");
const rowsOf = (root: string, file: string): readonly Record<string, unknown>[] =>
  readFileSync(join(root, file), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const counting = (count: number, make: (n: number) => unknown) => Array.from({ length: count }, (_, n) => make(n));
const chat = (n: number) => ({
  messages: [
    { role: "user", content: `What is number ${n}?` },
    { role: "assistant", content: `It is ${n * 7}.` },
  ],
});

describe("gitune init in a repository with rows", () => {
  const root = repository({
    ...tinyBase("models/tiny"),
    "data/chat/train-00000-of-00002.jsonl": lines(counting(20, chat)),
    "data/chat/train-00001-of-00002.jsonl": `${lines(counting(20, (n) => chat(n + 15)))}{broken\n{"messages":[]}\n`,
    "data/chat/val.jsonl": lines(counting(4, (n) => chat(n + 100))),
    "faq dir/Fra\ngen $(touch pwned) ${{ github.token }}.jsonl": Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      Buffer.from(
        lines(
          counting(20, (n) => ({ Frage: `Frage ${n}?`, Antwort: `Antwort ${n}` })),
          "\r\n",
        ),
      ),
    ]),
    "-rf.jsonl": lines(
      counting(12, (n) => ({ text: `Sentence ${n} has some more words than the eight that it needs.` })),
    ),
    "labels/train.jsonl": lines(
      counting(60, (n) => ({ text: `ticket ${n}`, label: n % 2 === 0 ? "billing" : "login" })),
    ),
    "own/train.jsonl": lines(counting(10, (n) => ({ prompt: `p ${n}`, completion: `c ${n}` }))),
    "own/eval.jsonl": lines(counting(5, (n) => ({ id: `e${n}`, prompt: `q ${n}`, references: [`c ${n}`] }))),
    "pref.jsonl": lines([{ prompt: "a", chosen: "b", rejected: "c" }]),
    "strange.jsonl": lines([{ x: 1 }]),
    "empty.jsonl": "",
    ".gitignore": "ignored/\n",
    ".github/CODEOWNERS": "* @acme\n",
    ".github/workflows/gitune.yml": "on: push\njobs: {}\n",
  });
  mkdirSync(join(root, "ignored"));
  writeFileSync(join(root, "ignored/a.jsonl"), lines([chat(1)]));
  const outside = realpathSync(mkdtempSync(join(tmpdir(), "gitune-outside-")));
  made.push(outside);
  writeFileSync(join(outside, "secret.jsonl"), lines(counting(20, chat)));
  symlinkSync(join(outside, "secret.jsonl"), join(root, "link.jsonl"));
  symlinkSync(outside, join(root, "linked"));

  it("says the same before and after, and writes nothing when dry", () => {
    const before = git(root, "status", "--porcelain");
    const dry = init(root, "--dry-run");
    assert.equal(dry.dry_run, true);
    assert.equal(git(root, "status", "--porcelain"), before);
    const wet = init(root);
    assert.deepEqual({ ...wet, dry_run: true }, dry);

    const found = Object.fromEntries(wet.projects.map(({ name, format, rows }) => [name, [format, rows]]));
    const { chat: chatProject, ...others } = found;
    assert.deepEqual(chatProject, ["messages", { train: 31, validation: 4, suite: 4 }]);
    assert.deepEqual(Object.keys(others).sort(), ["fra-gen-touch-pwned-github-token", "labels", "own", "rf"]);
    assert.deepEqual(others["own"], ["prompt-completion", { train: 10, validation: 0, suite: 5 }]);
    const reasons = wet.projects.find(({ name }) => name === "chat")?.left_out.map(({ code, rows }) => [code, rows]);
    assert.deepEqual(reasons, [
      ["data.duplicate", 5],
      ["jsonl.parse", 1],
      ["row.items", 1],
    ]);
    const skipped = wet.skipped.map(({ file }) => file).sort();
    assert.deepEqual(skipped, ["empty.jsonl", "link.jsonl", "pref.jsonl", "strange.jsonl"]);
    assert.deepEqual(wet.kept.map(({ path }) => path).sort(), [
      ".github/CODEOWNERS",
      ".github/workflows/gitune.yml",
      ".gitignore",
    ]);
    assert.equal(readFileSync(join(root, ".github/CODEOWNERS"), "utf8"), "* @acme\n");
    assert.ok(!existsSync(join(root, "pwned")));
  });

  it("holds out rows of which none is trained on, and makes labels of few short answers", () => {
    const asked = (file: string) => rowsOf(root, file).map((row) => JSON.stringify((row["messages"] as unknown[])[0]));
    const suite = new Set(asked("datasets/chat/evals/first.jsonl"));
    assert.deepEqual(
      asked("datasets/chat/train.jsonl").filter((prompt) => suite.has(prompt)),
      [],
    );
    assert.deepEqual(
      new Set(rowsOf(root, "datasets/labels/evals/first.jsonl").map(({ label }) => label)),
      new Set(["billing", "login"]),
    );
    assert.match(readFileSync(join(root, "datasets/labels/gitune.yaml"), "utf8"), /- accuracy/);
  });

  it("is valid, and runs", () => {
    const validated = gitune(root, "validate");
    assert.equal(validated.code, 0, validated.stdout + validated.stderr);
    assert.doesNotMatch(validated.stdout, /warning/);
    const run = gitune(root, "run", "own", "--json");
    assert.ok(run.code === 0, run.stdout + run.stderr);
    const { projects } = JSON.parse(run.stdout) as { projects: { name: string; verdict: string }[] };
    assert.deepEqual(
      projects.map(({ name }) => name),
      ["own"],
    );
  });

  it("changes nothing the second time", () => {
    git(root, "add", "--all");
    git(root, "commit", "--quiet", "--message=gitune");
    const again = init(root);
    assert.deepEqual([again.written, again.projects], [[], []]);
    assert.equal(git(root, "status", "--porcelain", "--untracked-files=no"), "");
  });
});

describe("gitune init elsewhere", () => {
  it("takes a thousand files of one folder for one project", () => {
    const files = Object.fromEntries(
      counting(1000, (n) => n as number).map((n) => [
        `logs/${(n as number).toString(36)}x.jsonl`,
        lines([chat(n as number)]),
      ]),
    );
    const { projects } = init(repository(files));
    assert.deepEqual(
      projects.map(({ name, rows }) => [name, rows]),
      [["logs", { train: 900, validation: 0, suite: 100 }]],
    );
  });

  it("makes an example that is valid and runs where there are no rows", () => {
    const root = repository(tinyBase("models/tiny"));
    const { projects, written } = init(root);
    assert.deepEqual(
      projects.map(({ name }) => name),
      ["example"],
    );
    for (const file of written) assert.ok(existsSync(join(root, file)), file);
    const run = gitune(root, "run");
    assert.equal(run.code, 0, run.stdout + run.stderr);
  });

  it("works in a folder that is no repository, and refuses to write through a link", () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-init-")));
    made.push(root);
    assert.equal(init(root, "new/place").projects[0]?.name, "example");
    assert.ok(existsSync(join(root, "new/place/datasets/example/gitune.yaml")));
    const outside = join(root, "outside");
    const linked = repository({});
    mkdirSync(outside);
    symlinkSync(outside, join(linked, "datasets"));
    const { code, stdout } = gitune(linked, "init", "--yes", "--json");
    assert.equal(code, 2, stdout);
    assert.match(stdout, /data\.outside/);
    assert.deepEqual(readdirSync(outside), []);
    assert.ok(!existsSync(join(linked, ".github")));
  });

  it("writes workflows that both linters pass, with pinned actions and no filter by path", async () => {
    for (const args of [[], ["--runner", "self-hosted,linux", "--visibility", "private"]]) {
      const root = repository({});
      init(root, ...args);
      const names = readdirSync(join(root, ".github/workflows"));
      assert.equal(names.length, 4);
      for (const name of names) {
        const file = `.github/workflows/${name}`;
        const source = readFileSync(join(root, file), "utf8");
        assert.deepEqual(await lintWorkflow(file, source), [], source);
        assert.doesNotMatch(source, /^\s+paths(-ignore)?:/m);
        for (const [, uses = ""] of source.matchAll(/uses: (\S+)/g)) {
          assert.match(uses, /^(gitune\/gitune\/\.github\/workflows\/[a-z-]+\.yml@v1|[^@]+@[0-9a-f]{40})$/);
          if (!uses.startsWith("gitune/")) assert.ok(ownPins().includes(uses), uses);
          else assert.ok(existsSync(join(REPOSITORY, uses.slice("gitune/gitune/".length, uses.indexOf("@")))), uses);
        }
      }
    }
  });

  it("refuses a machine of one's own where anyone could use it, and a base or name that is none", () => {
    const root = repository({});
    for (const args of [
      ["--runner", "self-hosted", "--visibility", "public"],
      ["--runner", "self-hosted,gpu"],
      ["--runner", "big-runner"],
      ["--runner", "a\nb", "--visibility", "private"],
      ["--action", "gitune/gitune@v1\n    x: y"],
      ["--base", "../outside"],
    ]) {
      const { code, stdout } = gitune(root, "init", "--yes", "--json", ...args);
      assert.equal(code, 2, `${args.join(" ")}\n${stdout}`);
      assert.match(stdout, /cli\.usage/);
    }
    assert.deepEqual(readdirSync(root), [".git"]);
  });
});

/** What our own workflows pin. */
function ownPins(): readonly string[] {
  const dir = join(REPOSITORY, ".github/workflows");
  return readdirSync(dir).flatMap((name) =>
    [...readFileSync(join(dir, name), "utf8").matchAll(/uses: (\S+@[0-9a-f]{40})/g)].map(([, uses = ""]) => uses),
  );
}
