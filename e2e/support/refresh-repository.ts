/** A repository with a project that refreshes itself, and gitune's command line in it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "./action-folder.js";
import { ENVIRONMENT, GitRepository } from "./git-repository.js";
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
      readonly issues: readonly { readonly code: string; readonly message: string; readonly fix?: string }[];
    }[];
    readonly quarantine: Readonly<Record<string, number>>;
    readonly drift: readonly {
      readonly file: string;
      readonly sources: readonly string[];
      readonly rows: number;
      readonly rows_before: number;
      readonly compared_with: string;
      readonly measures: readonly {
        readonly measure: string;
        readonly psi: number;
        readonly p_value: number;
        readonly drifted: boolean;
      }[];
    }[];
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

export class RefreshRepository extends GitRepository {
  /** Rows of a file in a commit. */
  rows(commit: string, file: string): readonly Row[] {
    const text = this.git("show", `${commit}:${file}`);
    return text.split("\n").map((line) => JSON.parse(line) as Row);
  }

  async refresh(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<RefreshAnswer> {
    const answer = await this.refreshText(["--json", ...args], env);
    return { ...answer, document: JSON.parse(answer.stdout || "{}") as RefreshDocument };
  }

  /** As people call it. */
  refreshText(
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Omit<RefreshAnswer, "document">> {
    return new Promise((resolve) => {
      const options = { cwd: this.root, env: { ...ENVIRONMENT, ...env }, maxBuffer: 2 ** 26 };
      execFile(process.execPath, [MAIN, "refresh", ...args], options, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  }
}
