/** A git repository with one project that is ready to be released, on a base of random weights. */
import { ALWAYS, jsonl, rows, suite } from "./colours-project.js";
import { GitRepository } from "./git-repository.js";
import type { Files } from "./pull-request.js";
import { tinyBase } from "./tiny-base.js";

export const PROJECT = "colours";
export const HUB_NAME = "acme/colours-lora";
/** Where the tests say that the base is. */
export const HUB_BASE = { id: "acme/tiny", revision: "0123456789".repeat(4) } as const;

export { ALWAYS, NEVER } from "./colours-project.js";

export interface ConfigParts {
  readonly version: string;
  readonly rule?: string;
  readonly publish?: string;
  readonly rank?: number;
  readonly description?: string;
  readonly seed?: number;
  readonly device?: string;
}

/** The project's gitune.yaml. */
export function releaseConfig({ version, rule, publish, rank, description, seed, device }: ConfigParts): string {
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
  device: ${device ?? "cpu"}
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

export class ReleaseRepository {
  private readonly repository = new GitRepository({
    ...tinyBase("models/tiny"),
    ".gitignore": ".gitune/\n",
    [`datasets/${PROJECT}/gitune.yaml`]: releaseConfig({ version: "1.0.0" }),
    [`datasets/${PROJECT}/train.jsonl`]: jsonl(rows(24)),
    [`datasets/${PROJECT}/evals/answers.jsonl`]: jsonl(
      suite().map((row, at) => ({ ...row, tags: [at < 4 ? "small" : "large"] })),
    ),
  });
  readonly root = this.repository.root;

  git(...args: readonly string[]): string {
    return this.repository.git(...args);
  }

  /** @returns the commit's sha */
  commit(files: Files): string {
    return this.repository.commit("change", files);
  }

  /** A commit with this config, and its tag. @returns the tag */
  release(parts: ConfigParts): string {
    this.commit({ [`datasets/${PROJECT}/gitune.yaml`]: releaseConfig(parts) });
    const tag = `${PROJECT}@${parts.version}`;
    this.git("tag", tag);
    return tag;
  }

  deleteTags(): void {
    for (const tag of this.git("tag", "--list").split("\n").filter(Boolean)) this.git("tag", "--delete", tag);
  }

  remove(): void {
    this.repository.remove();
  }
}
