/** Repositories for the e2e tests of what needs the engine: a tiny base, and a project on top of it. Not shipped. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { type Answer, type Files, jsonl, TestRepository } from "./testing.js";

const TOKENIZER = fileURLToPath(new URL("../../train/test/fixtures/tiny-chat", import.meta.url));
/** Large enough to run every part, small enough for a second a step. */
const MODEL = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 370,
  max_position_embeddings: 128,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  hidden_act: "silu",
  torch_dtype: "float32",
};

export const row = (id: number, answer = "blue") => ({
  id: `r${id}`,
  messages: [
    { role: "user", content: `thing ${id}?` },
    { role: "assistant", content: answer },
  ],
});
export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/**
 * The config of the project `colors`.
 * @param recipe of `train`, beside the usual
 * @param extra the end of the file, where the list of the gate's rules is open
 */
export function config(recipe: Readonly<Record<string, unknown>> = {}, extra = ""): string {
  const train = {
    base: "models/tiny",
    technique: { type: "lora", r: 4, alpha: 8, targets: "all-linear" },
    max_steps: 6,
    batch_size: 4,
    micro_batch_size: 4,
    max_length: 64,
    learning_rate: 0.01,
    ...recipe,
  };
  return `name: colors
version: 1.0.0
description: What has which colour.
data: { format: messages, id: id, splits: { train: train.jsonl } }
train: ${JSON.stringify(train)}
evals:
  - { name: answers, data: answers.jsonl, metrics: [exact_match, rougeL], generation: { max_new_tokens: 6 } }
gate:
  rules:
    - { suite: answers, metric: rougeL, max_regression: 0.5 }
${extra}`;
}

export const FILES = {
  ".gitignore": ".gitune/\n",
  "datasets/colors/gitune.yaml": config(),
  "datasets/colors/train.jsonl": jsonl(numbers(1, 8).map((id) => row(id))),
  "datasets/colors/answers.jsonl": jsonl(
    numbers(50, 55).map((id) => ({ id: `e${id}`, prompt: `thing ${id}?`, references: ["blue"] })),
  ),
};

/** The project with a validation split. */
export const VALIDATED = {
  "datasets/colors/gitune.yaml": config({ eval_steps: 2, early_stopping: { patience: 2 } }).replace(
    "train: train.jsonl",
    "train: train.jsonl, validation: validation.jsonl",
  ),
  "datasets/colors/validation.jsonl": jsonl([row(20), row(21, "red")]),
};

/** For a test file: the base is trained from nothing before its tests, and all is removed after them. */
export class EngineRepositories {
  #base!: TestRepository;
  readonly #made: TestRepository[] = [];

  constructor() {
    before(async () => {
      this.#base = new TestRepository({
        "models/empty/config.json": JSON.stringify(MODEL),
        "datasets/pretrain/gitune.yaml": `name: pretrain
version: 1.0.0
description: Makes the base.
data: { format: text, splits: { train: train.jsonl } }
checks: { duplicates: off }
train:
  base: models/empty
  technique: { type: full }
  max_steps: 2
  batch_size: 4
  max_length: 64
  micro_batch_size: 4
`,
        "datasets/pretrain/train.jsonl": jsonl(numbers(1, 4).map((id) => ({ text: `the sky is blue ${id}` }))),
      });
      cpSync(TOKENIZER, join(this.#base.root, "models/empty"), { recursive: true });
      const answer = await this.#base.gitune(["train", "pretrain", "--out", "models/tiny", "--quiet"]);
      assert.equal(answer.code, 0, answer.stderr);
    });
    after(() => {
      for (const repository of [this.#base, ...this.#made]) repository.remove();
    });
  }

  /** These files and the tiny base, committed on main. */
  make(files: Files): TestRepository {
    const repository = new TestRepository(files);
    this.#made.push(repository);
    cpSync(join(this.#base.root, "models/tiny"), join(repository.root, "models/tiny"), { recursive: true });
    repository.commit("main");
    return repository;
  }

  /** The project `colors`, some of its files changed. */
  project(files: Files = {}): TestRepository {
    return this.make({ ...FILES, ...files });
  }
}

/** What `run` and `plan` say, as far as tests look at it. */
export interface RunDocument {
  readonly pending?: readonly string[];
  readonly verdict: string;
  readonly exit_code: number;
  readonly comment: string;
  readonly projects: readonly {
    readonly status: string;
    readonly verdict: string;
    readonly notes: readonly string[];
    readonly issues: readonly { readonly code: string; readonly severity: string }[];
    readonly adapters: Readonly<Record<"base" | "head", { readonly sha256: string; readonly cached: boolean } | null>>;
    readonly results: Readonly<Record<"bare" | "base" | "head", unknown>>;
  }[];
}

export function documentOf(answer: Answer): RunDocument {
  assert.notEqual(answer.stdout, "", answer.stderr);
  return JSON.parse(answer.stdout) as RunDocument;
}

/** Paths below the store, from its root. */
export function storedFiles(repository: TestRepository): readonly string[] {
  const store = join(repository.root, ".gitune", "store");
  return existsSync(store) ? readdirSync(store, { recursive: true, encoding: "utf8" }) : [];
}
