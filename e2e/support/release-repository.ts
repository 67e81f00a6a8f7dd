/** A git repository with one project that is ready to be released, on a base of random weights. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Files } from "./pull-request.js";
import { tinyBase } from "./tiny-base.js";

export const PROJECT = "colours";
export const HUB_NAME = "acme/colours-lora";
/** Where the tests say that the base is. */
export const HUB_BASE = { id: "acme/tiny", revision: "0123456789".repeat(4) } as const;

/** A margin that nothing can exceed, and a threshold that random weights never reach. */
export const ALWAYS = "{ suite: answers, metric: exact_match, max_regression: 1 }";
export const NEVER = "{ suite: answers, metric: exact_match, min: 0.9 }";

export interface ConfigParts {
  readonly version: string;
  readonly rule?: string;
  readonly publish?: string;
  readonly rank?: number;
  readonly description?: string;
  readonly seed?: number;
}

/** The project's gitune.yaml. */
export function releaseConfig({ version, rule, publish, rank, description, seed }: ConfigParts): string {
  const to = publish ?? `{ hub: ${HUB_NAME}, base: ${HUB_BASE.id}, revision: "${HUB_BASE.revision}" }`;
  return `name: ${PROJECT}
version: ${version}
license: cc-by-4.0
language: [en]
description: ${JSON.stringify(description ?? "Which thing has which colour.")}
data:
  format: prompt-completion
  splits:
    train: train.jsonl
train:
  base: models/tiny
  technique: { type: lora, r: ${rank ?? 2}, alpha: 4, targets: [q_proj, v_proj] }
  max_steps: 2
  batch_size: 4
  max_length: 64
  seed: ${seed ?? 42}
  device: cpu
evals:
  - name: answers
    data: evals/answers.jsonl
    metrics: [exact_match, rougeL]
    generation: { max_new_tokens: 4, temperature: 0 }
gate:
  rules:
    - ${rule ?? ALWAYS}
publish: ${to}
`;
}

const jsonl = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

export class ReleaseRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-release-")));

  constructor() {
    this.git("init", "--quiet", "--initial-branch=main");
    this.commit({
      ...tinyBase("models/tiny"),
      ".gitignore": ".gitune/\n",
      [`datasets/${PROJECT}/gitune.yaml`]: releaseConfig({ version: "1.0.0" }),
      [`datasets/${PROJECT}/train.jsonl`]: jsonl(
        Array.from({ length: 24 }, (_, at) => ({
          prompt: `Which colour is thing number ${at}?`,
          completion: at % 2 === 0 ? "red" : "blue",
        })),
      ),
      [`datasets/${PROJECT}/evals/answers.jsonl`]: jsonl(
        Array.from({ length: 8 }, (_, at) => ({
          id: `a${at}`,
          prompt: `What is the shade of item ${at}?`,
          references: ["red"],
          tags: [at < 4 ? "small" : "large"],
        })),
      ),
    });
  }

  git(...args: readonly string[]): string {
    const identity = ["-c", "user.name=Octo", "-c", "user.email=octo@example.invalid"];
    const env = { PATH: process.env["PATH"], HOME: tmpdir(), GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: "1" };
    const options = { cwd: this.root, encoding: "utf8" as const, env, stdio: ["ignore", "pipe", "pipe"] as const };
    return execFileSync("git", [...identity, ...args], { ...options, stdio: [...options.stdio] }).trim();
  }

  /** @returns the commit's sha */
  commit(files: Files): string {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), content);
    }
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "--message", "change");
    return this.git("rev-parse", "HEAD");
  }

  /** A commit with this config, and its tag. @returns the tag */
  release(parts: ConfigParts): string {
    this.commit({ [`datasets/${PROJECT}/gitune.yaml`]: releaseConfig(parts) });
    const tag = `${PROJECT}@${parts.version}`;
    this.git("tag", tag);
    return tag;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
