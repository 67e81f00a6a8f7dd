/** A repository with a project that refreshes itself, and gitune's command line in it. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { REPOSITORY } from "./action-folder.js";
import type { Files } from "./pull-request.js";
import { tinyBase } from "./tiny-base.js";

const MAIN = join(REPOSITORY, "packages/cli/dist/main.js");

export type Row = Readonly<Record<string, unknown>>;

export const row = (question: string, answer: string): Row => ({
  messages: [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ],
});

export const jsonl = (rows: readonly unknown[]): string => rows.map((one) => `${JSON.stringify(one)}\n`).join("");

/** The document of `gitune refresh --json`, as far as tests look at it. */
export interface RefreshDocument {
  readonly exit_code: number;
  readonly projects: readonly {
    readonly name: string;
    readonly status: string;
    readonly branch: string;
    readonly commit: string | null;
    readonly verdict: string | null;
    readonly sources: readonly {
      readonly name: string;
      readonly status: string;
      readonly new: number;
      readonly known: number;
      readonly passed_over: number;
      readonly quarantined: number;
      readonly issues: readonly { readonly code: string; readonly message: string }[];
    }[];
    readonly quarantine: Readonly<Record<string, number>>;
    readonly quarantine_file: string | null;
    readonly issues: readonly { readonly code: string; readonly message: string }[];
    readonly run: { readonly comment: string } | null;
  }[];
}

export interface RefreshAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly document: RefreshDocument;
}

export const COLORS = "datasets/colors";

/** @param sources YAML of the list below `refresh.sources`, indented by four */
export function colorsConfig(sources: string, more = ""): string {
  return `name: colors
version: 1.0.0
data: { format: messages, splits: { train: train/*.jsonl, validation: validation.jsonl } }
train:
  base: models/tiny
  technique: { type: lora, r: 2, alpha: 4, targets: [q_proj] }
  max_steps: 1
  batch_size: 2
  max_length: 64
  eval_steps: 0
evals:
  - { name: answers, data: answers.jsonl, metrics: [exact_match], generation: { max_new_tokens: 2 } }
gate:
  rules:
    - { suite: answers, metric: exact_match, max_regression: 0.9 }
${more}refresh:
  schedule: nightly
  sources:
${sources}
`;
}

export function colorsFiles(config: string): Files {
  return {
    ...tinyBase("models/tiny"),
    ".gitignore": ".gitune/\nnode_modules/\n",
    [`${COLORS}/gitune.yaml`]: config,
    [`${COLORS}/train/0001.jsonl`]: jsonl([row("colour of the sky?", "blue"), row("colour of grass?", "green")]),
    [`${COLORS}/validation.jsonl`]: jsonl([row("colour of coal?", "black")]),
    [`${COLORS}/answers.jsonl`]: jsonl([
      { id: "e1", prompt: "colour of snow?", references: ["white"] },
      { id: "e2", prompt: "colour of blood?", references: ["red"] },
    ]),
  };
}

export class RefreshRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-refresh-")));

  constructor(files: Files) {
    this.git("init", "--quiet", "--initial-branch=main");
    this.commit("first", files);
  }

  git(...args: readonly string[]): string {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: tmpdir(),
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Octo",
      GIT_AUTHOR_EMAIL: "octo@example.com",
      GIT_COMMITTER_NAME: "Octo",
      GIT_COMMITTER_EMAIL: "octo@example.com",
    };
    return execFileSync("git", [...args], { cwd: this.root, env, encoding: "utf8" }).trim();
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), content);
    }
  }

  commit(message: string, files: Files): string {
    this.write(files);
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message", message);
    return this.git("rev-parse", "HEAD");
  }

  /** Rows of a file in a commit. */
  rows(commit: string, file: string): readonly Row[] {
    const text = this.git("show", `${commit}:${file}`);
    return text.split("\n").map((line) => JSON.parse(line) as Row);
  }

  refresh(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<RefreshAnswer> {
    return new Promise((resolve) => {
      const options = {
        cwd: this.root,
        env: { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), GIT_CONFIG_GLOBAL: "/dev/null", ...env },
        maxBuffer: 2 ** 26,
      };
      execFile(process.execPath, [MAIN, "refresh", "--json", ...args], options, (error, stdout, stderr) => {
        const code = error ? Number(error.code) : 0;
        resolve({ code, stdout, stderr, document: JSON.parse(stdout || "{}") as RefreshDocument });
      });
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
