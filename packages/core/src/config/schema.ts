/**
 * The JSON Schema of `gitune.yaml`. `scripts/core-generated.mjs` writes it to `schemas/gitune.schema.json`, where
 * editors find it: `# yaml-language-server: $schema=…`.
 */
import type { JsonSchema } from "../schema/ajv.js";
import { refresh } from "./refresh-schema.js";
import { choice, count, name, number, object, path, text } from "./schema-parts.js";

const stopText: JsonSchema = { type: "string", minLength: 1, maxLength: 200, description: "a text" };

const LEVELS = ["off", "note", "warning", "error"] as const;
const level = choice(LEVELS, "off, note, warning or error");
const check = (options: JsonSchema, description: string): JsonSchema => ({
  description,
  anyOf: [level, object(["level"], { level, ...options }, "a level with options")],
});

const lora = object(
  ["type"],
  {
    type: { const: "lora" },
    r: count(1, "rank", 8),
    alpha: number({ exclusiveMinimum: 0 }, "the update is scaled by alpha / r", 16),
    dropout: number({ minimum: 0, exclusiveMaximum: 1 }, "on the input of the update, while training", 0),
    targets: {
      description: "a list of layer names, or all-linear",
      anyOf: [
        { type: "array", minItems: 1, maxItems: 100, uniqueItems: true, items: name("a layer's name") },
        { type: "string", const: "all-linear" },
      ],
    },
    rslora: { type: "boolean", default: false, description: "scale by alpha / sqrt(r)" },
  },
  "LoRA",
);

const train = object(
  ["base"],
  {
    base: path("Hub id, folder with safetensors, or .gguf file"),
    revision: {
      type: "string",
      pattern: "^[0-9a-f]{40}$",
      description: "a commit of the Hub: 40 hex digits in lower case",
    },
    engine: choice(["native", "peft"], "who trains", "native"),
    compute: choice(
      ["f32", "int8"],
      "arithmetic of the frozen products; int8 is faster and leaner, for LoRA on the CPU (docs/int8.md)",
      "f32",
    ),
    mmap: {
      type: "boolean",
      default: false,
      description: "while training, read the base's weights from their file: less memory, more time (docs/training.md)",
    },
    device: choice(["auto", "cpu", "cuda", "webgpu", "tfjs-node-gpu", "tfjs-node", "tfjs"], "where", "auto"),
    technique: {
      type: "object",
      required: ["type"],
      properties: { type: choice(["lora", "full"], "what is trained") },
      allOf: [
        {
          if: { properties: { type: { const: "lora" } } },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: lora,
        },
        {
          if: { properties: { type: { const: "full" } } },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: object(["type"], { type: { const: "full" } }, "every weight"),
        },
      ],
      description: "lora or full, with its options",
    },
    epochs: number({ exclusiveMinimum: 0, maximum: 10_000 }, "passes over the rows", 3),
    max_steps: count(1, "optimizer steps; wins over epochs"),
    batch_size: count(1, "sequences per optimizer step", 8),
    micro_batch_size: count(1, "sequences per pass at most; divides batch_size", 8),
    max_length: count(2, "tokens", 512),
    overflow: choice(["error", "truncate", "drop"], "what happens to longer rows", "error"),
    packing: {
      type: "boolean",
      default: false,
      description:
        "rows of a step that fit share a lane; attention stays within a row and positions start anew, so nothing learned changes, only the time it takes",
    },
    learning_rate: number({ exclusiveMinimum: 0, maximum: 10 }, "peak learning rate", 1e-4),
    schedule: choice(["constant", "linear", "cosine"], "of the learning rate", "cosine"),
    warmup_ratio: number({ minimum: 0, exclusiveMaximum: 1 }, "share of the steps", 0.03),
    weight_decay: number({ minimum: 0, maximum: 1 }, "AdamW's, decoupled", 0),
    max_grad_norm: number({ minimum: 0 }, "clips the global L2 norm; 0 is off", 1),
    adam_beta1: number({ minimum: 0, exclusiveMaximum: 1 }, "first moment", 0.9),
    adam_beta2: number({ minimum: 0, exclusiveMaximum: 1 }, "second moment", 0.999),
    adam_epsilon: number({ exclusiveMinimum: 0 }, "in the denominator", 1e-8),
    seed: { type: "integer", minimum: 0, maximum: 4_294_967_295, default: 42, description: "of order and weights" },
    checkpoint_steps: count(0, "optimizer steps between checkpoints; 0 writes none", 50),
    eval_steps: count(0, "optimizer steps between validation losses; 0 takes none; one an epoch by default"),
    early_stopping: object(
      [],
      {
        patience: count(1, "validation losses in a row without a new best", 3),
        min_delta: number({ minimum: 0 }, "a new best is lower by more than this, in nats", 0),
      },
      "ends a run whose validation loss no longer falls",
    ),
    load_best_model_at_end: {
      type: "boolean",
      description: "keep the state of the lowest validation loss; true by default with early_stopping",
    },
    loss_spike_factor: number(
      { minimum: 0 },
      "five steps in a row whose loss is this many times the running median stop the run; 0 is off",
      2,
    ),
    report_to: {
      type: "array",
      maxItems: 10,
      uniqueItems: true,
      items: choice(["tensorboard"], "a program that curves are written for"),
      default: [],
      description: "tensorboard: event files in the adapter folder's runs/",
    },
  },
  "the recipe",
);

const suite = object(
  ["name", "data", "metrics"],
  {
    name: name("unique in the project"),
    data: path("rows: {id?, prompt | messages, references: [..] | label, tags?: [..]}"),
    metrics: { type: "array", minItems: 1, maxItems: 100, uniqueItems: true, items: name("a metric") },
    generation: object(
      [],
      {
        max_new_tokens: count(1, "tokens", 64),
        temperature: number({ minimum: 0, maximum: 10 }, "0 is greedy", 0),
        top_p: number({ exclusiveMinimum: 0, maximum: 1 }, "keeps the likeliest tokens up to this probability", 1),
        top_k: count(0, "keeps so many of the likeliest tokens; 0 keeps all", 0),
        repetition_penalty: number(
          { exclusiveMinimum: 0, maximum: 10 },
          "above 1, tokens of prompt and text so far become less likely",
          1,
        ),
        stop: {
          description: "texts that an answer ends before",
          anyOf: [stopText, { type: "array", maxItems: 16, uniqueItems: true, items: stopText }],
        },
      },
      "how answers are generated",
    ),
  },
  "an eval suite",
);

const gate = object(
  [],
  {
    confidence: number({ exclusiveMinimum: 0.5, exclusiveMaximum: 1 }, "of every interval", 0.95),
    inconclusive: choice(["allow", "block"], "what an inconclusive rule does", "allow"),
    rules: {
      type: "array",
      maxItems: 1_000,
      items: object(
        ["suite", "metric"],
        {
          suite: name("a suite's name"),
          metric: name("one of the suite's metrics"),
          slice: name("a tag of the suite's rows"),
          max_regression: number({ minimum: 0 }, "non-inferiority margin, absolute"),
          min: number({}, "the head must reach this"),
          max: number({}, "the head must not exceed this"),
        },
        "exactly one of max_regression, min and max",
      ),
    },
  },
  "what must hold before a merge",
);

const data = object(
  ["format", "splits"],
  {
    format: choice(["messages", "prompt-completion", "alpaca", "sharegpt", "text", "preference"], "of the rows"),
    columns: {
      type: "object",
      additionalProperties: name("a column"),
      default: {},
      description: "the format's field -> the column that holds it",
    },
    schema: path("a JSON Schema (2020-12) on top of the format's own, relative to this file"),
    id: name("the key column"),
    splits: {
      type: "object",
      minProperties: 1,
      propertyNames: { pattern: "^[A-Za-z0-9_-]{1,100}$" },
      additionalProperties: {
        description: "a glob or a list of globs",
        anyOf: [path("a glob"), { type: "array", minItems: 1, maxItems: 1_000, items: path("a glob") }],
      },
      description: "split -> files, relative to this file",
    },
    mix: {
      type: "array",
      maxItems: 1_000,
      items: object(
        ["project", "weight"],
        { project: name("a project's name"), weight: number({ exclusiveMinimum: 0, maximum: 1 }, "share of the rows") },
        "another project's train split",
      ),
    },
  },
  "the rows",
);

const checks = object(
  [],
  {
    duplicates: check({}, "rows with the same content"),
    "near-duplicates": check(
      { threshold: number({ exclusiveMinimum: 0, maximum: 1 }, "estimated Jaccard similarity", 0.8) },
      "rows that are almost the same",
    ),
    contamination: check(
      {
        ngram: count(3, "words", 13),
        overlap: number({ exclusiveMinimum: 0, maximum: 1 }, "share of an eval row's n-grams", 0.5),
      },
      "train rows that overlap an eval suite",
    ),
    secrets: check({}, "tokens and private keys"),
    pii: check({}, "e-mail addresses, phone and card numbers"),
    tokens: check(
      { max: count(1, "tokens; max_length by default") },
      "rows that are too long, or have nothing to learn from",
    ),
  },
  "rule -> level, or level with options",
);

/** JSON Schema 2020-12 of `WrittenConfig`. */
export const CONFIG_SCHEMA: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "https://gitune.dev/schemas/gitune.schema.json",
  title: "gitune.yaml",
  ...object(
    ["name", "data", "train"],
    {
      name: {
        type: "string",
        pattern: "^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$",
        description: "1 to 100 of a-z, 0-9, dot, dash and underscore, with a letter or digit at both ends",
      },
      version: {
        type: "string",
        maxLength: 100,
        pattern: "^(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)\\.(?:0|[1-9]\\d*)(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?$",
        default: "0.1.0",
        description: "a semantic version, such as 1.3.0",
      },
      license: text("an SPDX id, or the Hub's name of it"),
      language: {
        description: "a language code or a list of them",
        anyOf: [name("a language code"), { type: "array", maxItems: 200, items: name("a language code") }],
      },
      description: text("one sentence"),
      data,
      checks,
      train,
      evals: { type: "array", maxItems: 200, items: suite, description: "the suites" },
      gate,
      publish: object(
        ["hub"],
        {
          hub: {
            type: "string",
            pattern: "^[\\w.-]{1,96}/[\\w.-]{1,96}$",
            description: "a Hub repository: owner/name",
          },
          private: { type: "boolean", default: true, description: "who may see it" },
          base: {
            type: "string",
            pattern: "^[\\w.-]{1,96}/[\\w.-]{1,96}$",
            description: "where others find the base, where train.base is a path: a Hub id, with revision",
          },
          revision: {
            type: "string",
            pattern: "^[0-9a-f]{40}$",
            description: "the commit of publish.base: 40 hex digits in lower case",
          },
        },
        "where the adapter goes",
      ),
      refresh,
    },
    "A gitune project",
  ),
};
