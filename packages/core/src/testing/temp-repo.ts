/** A repository for tests: a real folder, a real git. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Project } from "../config/config.js";
import { discoverProjects } from "../config/discover.js";

/** Path -> content; a list becomes JSON Lines, one item a line. */
export type Files = Readonly<Record<string, string | Uint8Array | readonly unknown[]>>;

export interface TempRepo {
  readonly root: string;
  write(files: Files): void;
  git(...args: string[]): string;
  /** Commits everything. @returns the sha */
  commit(message?: string): string;
}

/** Makes an empty folder that goes when the test ends. */
export function tempDir(t: TestContext): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-test-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

export function tempRepo(t: TestContext, files: Files = {}): TempRepo {
  const root = tempDir(t);
  const repo: TempRepo = {
    root,
    write(list) {
      for (const [file, content] of Object.entries(list)) {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        const isRaw = typeof content === "string" || content instanceof Uint8Array;
        writeFileSync(join(root, file), isRaw ? content : content.map((row) => `${JSON.stringify(row)}\n`).join(""));
      }
    },
    git: (...args) => {
      const identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "core.autocrlf=false"];
      return execFileSync("git", [...identity, ...args], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }).trim();
    },
    commit(message = "change") {
      repo.git("add", "-A");
      repo.git("commit", "-q", "--allow-empty", "-m", message);
      return repo.git("rev-parse", "HEAD");
    },
  };
  repo.git("init", "-q", "-b", "main");
  repo.write(files);
  return repo;
}

/** The project `demo` in a repository of its own. @param files below its folder */
export async function tempProject(t: TestContext, files: Files, config = configText()): Promise<Project> {
  const repo = tempRepo(t, { "models/tiny/config.json": "{}", "datasets/demo/gitune.yaml": config });
  repo.write(Object.fromEntries(Object.entries(files).map(([file, content]) => [`datasets/demo/${file}`, content])));
  const { projects, issues } = await discoverProjects(repo.root);
  assert.deepEqual(issues, []);
  const [first] = projects;
  assert.ok(first);
  return first;
}

/** A small valid config; `more` goes to its end, `train` below its train part. */
export function configText({ name = "demo", data = "", train = "", more = "" } = {}): string {
  return [
    `name: ${name}`,
    "data:",
    "  format: prompt-completion",
    "  splits: { train: train.jsonl }",
    data,
    "train:",
    "  base: models/tiny",
    train,
    more,
    "",
  ]
    .filter((line, index, lines) => line !== "" || index === lines.length - 1)
    .join("\n");
}
