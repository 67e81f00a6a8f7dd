/** The part of the config's schema that is about `refresh`. */
import type { JsonSchema } from "../schema/ajv.js";
import { DEFAULT_MAX_BYTES, DEFAULT_MAX_DRIFT, DEFAULT_TIMEOUT_SECONDS } from "./refresh.js";
import { choice, name, number, object, path, text } from "./schema-parts.js";

const FORMATS = ["messages", "prompt-completion", "alpaca", "sharegpt", "text", "preference"] as const;

const pointer = (description: string): JsonSchema => ({
  type: "string",
  maxLength: 1_000,
  pattern: "^(?:/(?:[^/~]|~[01])*)+$",
  description,
});
const variable: JsonSchema = {
  type: "string",
  maxLength: 200,
  pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
  description: "the name of an environment variable",
};
const scalar: JsonSchema = { type: ["string", "number", "boolean", "null"], description: "a value" };

const common: JsonSchema = {
  name: {
    type: "string",
    pattern: "^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$",
    description: "1 to 64 of a-z, 0-9, dash and underscore, unique in the project",
  },
  into: path("the file of split train that its rows go to, relative to this file"),
  format: choice(FORMATS, "of the source's rows; the project's own by default"),
  map: {
    type: "object",
    maxProperties: 100,
    propertyNames: { minLength: 1, maxLength: 200 },
    additionalProperties: pointer("a JSON pointer, such as /request/messages"),
    description: "field of the row -> where it is in what the source gives",
  },
  accept: {
    type: "object",
    maxProperties: 20,
    propertyNames: pointer("a JSON pointer"),
    additionalProperties: {
      anyOf: [scalar, { type: "array", minItems: 1, maxItems: 100, items: scalar }],
      description: "a value or a list of values",
    },
    description: "JSON pointer -> values; only what has one of them is taken",
  },
  timeout_seconds: {
    type: "integer",
    minimum: 1,
    maximum: 86_400,
    default: DEFAULT_TIMEOUT_SECONDS,
    description: "for all of it",
  },
  max_bytes: {
    type: "integer",
    minimum: 1,
    maximum: 2 ** 30,
    default: DEFAULT_MAX_BYTES,
    description: "of all of it",
  },
};

const TYPES: Readonly<Record<string, { required: readonly string[]; properties: JsonSchema; description: string }>> = {
  command: {
    required: ["command"],
    properties: {
      command: {
        type: "array",
        minItems: 1,
        maxItems: 100,
        items: text("the program, or an argument"),
        description: "program and arguments, run in the project's folder without a shell; prints JSON Lines",
      },
      env: {
        type: "array",
        maxItems: 100,
        uniqueItems: true,
        items: variable,
        default: [],
        description: "environment variables that it may see",
      },
    },
    description: "a program that prints rows",
  },
  http: {
    required: ["url"],
    properties: {
      url: { type: "string", maxLength: 2_000, pattern: "^https?://", description: "an https address of JSON Lines" },
      token_env: variable,
    },
    description: "JSON Lines at an address",
  },
  hub: {
    required: ["dataset", "file"],
    properties: {
      dataset: { type: "string", pattern: "^[\\w.-]{1,96}/[\\w.-]{1,96}$", description: "a dataset: owner/name" },
      file: path("a JSON Lines file of the dataset"),
      revision: {
        type: "string",
        pattern: "^[\\w.-]{1,200}$",
        default: "main",
        description: "a branch, tag or commit",
      },
    },
    description: "a file of a dataset on the Hugging Face Hub",
  },
  logs: {
    required: ["files", "accept"],
    properties: { files: path("a glob of JSON Lines files, relative to the repository's root") },
    description: "logs of requests, of which some were accepted",
  },
};

export const refresh: JsonSchema = object(
  ["sources"],
  {
    sources: {
      type: "array",
      minItems: 1,
      maxItems: 200,
      items: {
        type: "object",
        required: ["type"],
        properties: { type: choice(Object.keys(TYPES), "kind of source") },
        allOf: Object.entries(TYPES).map(([type, { required, properties, description }]) => ({
          if: { properties: { type: { const: type } } },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: object(["name", "into", ...required], { type: { const: type }, ...common, ...properties }, description),
        })),
        description: "where new rows come from",
      },
    },
    schedule: name("when, for people; the workflow's schedule is what starts it"),
    drift: object(
      [],
      {
        max: number(
          { exclusiveMinimum: 0, maximum: 100 },
          "the greatest population stability index that is not reported; 100 reports nothing",
          DEFAULT_MAX_DRIFT,
        ),
      },
      "when new rows are unlike those before",
    ),
  },
  "how new rows come in",
);
