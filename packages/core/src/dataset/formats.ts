/**
 * One record a format: the JSON Schema of its rows and the way to their content. Shapes follow TRL's dataset formats
 * (messages, prompt-completion, text, preference) and LLaMA-Factory's data/README (alpaca, sharegpt).
 */
import type { DataFormat } from "../config/config.js";
import { isTooDeep } from "../json-depth.js";
import type { JsonObject, JsonValue, Message, RowContent } from "../row.js";
import type { JsonSchema } from "../schema/ajv.js";
import { ROLES } from "./role.js";

export interface Format {
  /** The fields that `data.columns` may map. */
  readonly fields: readonly string[];
  readonly schema: JsonSchema;
  /** Takes a row that the schema accepts. */
  readonly toContent: (row: JsonObject) => RowContent;
  /** Whether an eval suite's string prompt is a user's message (chat) or raw text. */
  readonly isChat: boolean;
}

const text: JsonSchema = { type: "string" };
const nonEmpty: JsonSchema = { type: "string", minLength: 1 };

/** Assistant turns that call tools may have no content; extra keys reach the chat template. */
const message: JsonSchema = {
  type: "object",
  required: ["role"],
  properties: {
    role: { type: "string", enum: ROLES },
    content: { type: ["string", "null"] },
    tool_calls: { type: "array", items: { type: "object" } },
  },
  if: { required: ["tool_calls"], properties: { role: { const: "assistant" } } },
  else: { required: ["content"], properties: { content: text } },
};
const messages: JsonSchema = { type: "array", minItems: 1, items: message };
const textOrMessages = (description: string): JsonSchema => ({ description, anyOf: [text, messages] });

function asMessages(value: JsonValue | undefined): Message[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly JsonObject[]).map((turn) => ({ ...turn, content: turn["content"] ?? "" }) as Message);
}

/** A string becomes one turn of the given role. */
function turns(value: JsonValue | undefined, role: "user" | "assistant"): Message[] {
  return typeof value === "string" ? [{ role, content: value }] : asMessages(value);
}

function withTools(list: readonly Message[], tools: JsonValue | undefined): RowContent {
  const parsed = typeof tools === "string" ? parseList(tools) : tools;
  return Array.isArray(parsed) && parsed.length > 0
    ? { kind: "messages", messages: list, tools: parsed }
    : { kind: "messages", messages: list };
}

/** JSON inside of a text: the check of the row around it did not see how deep it nests. */
function parseBounded(json: string): JsonValue {
  const value = JSON.parse(json) as JsonValue;
  if (isTooDeep(value)) throw new RangeError("too deep");
  return value;
}

/** `tools` may be a JSON string: datasets before 4.7 cannot hold lists of unlike objects. */
function parseList(json: string): JsonValue {
  try {
    return parseBounded(json);
  } catch {
    return [];
  }
}

const tools: JsonSchema = {
  description: "a list of tools, or its JSON as a string",
  type: ["array", "string", "null"],
};

const chat: Format = {
  fields: ["messages", "tools"],
  schema: { type: "object", required: ["messages"], properties: { messages, tools } },
  toContent: (row) => withTools(asMessages(row["messages"]), row["tools"]),
  isChat: true,
};

const promptCompletion: Format = {
  fields: ["prompt", "completion"],
  schema: {
    type: "object",
    required: ["prompt", "completion"],
    properties: {
      prompt: textOrMessages("a text or a list of messages"),
      completion: textOrMessages("a text or a list of messages"),
    },
  },
  toContent: ({ prompt, completion }) =>
    typeof prompt === "string" && typeof completion === "string"
      ? { kind: "completion", prompt, completion }
      : { kind: "messages", messages: [...turns(prompt, "user"), ...turns(completion, "assistant")] },
  isChat: false,
};

const alpaca: Format = {
  fields: ["instruction", "input", "output", "system", "history"],
  schema: {
    type: "object",
    required: ["instruction", "output"],
    properties: {
      instruction: nonEmpty,
      input: { type: ["string", "null"] },
      output: text,
      system: { type: ["string", "null"] },
      history: { type: ["array", "null"], items: { type: "array", minItems: 2, maxItems: 2, items: text } },
    },
  },
  toContent: (row) => {
    const list: Message[] = [];
    if (typeof row["system"] === "string" && row["system"] !== "")
      list.push({ role: "system", content: row["system"] });
    for (const [user, assistant] of (row["history"] ?? []) as readonly (readonly [string, string])[]) {
      list.push({ role: "user", content: user }, { role: "assistant", content: assistant });
    }
    const asked = [row["instruction"], row["input"]]
      .filter((part) => typeof part === "string" && part !== "")
      .join("\n");
    list.push({ role: "user", content: asked }, { role: "assistant", content: String(row["output"]) });
    return { kind: "messages", messages: list };
  },
  isChat: true,
};

/** ShareGPT's speakers; the last three are seen in the wild beside the documented four. */
const SPEAKERS: Readonly<Record<string, Message["role"]>> = {
  human: "user",
  gpt: "assistant",
  observation: "tool",
  function_call: "assistant",
  system: "system",
  user: "user",
  assistant: "assistant",
};

const sharegpt: Format = {
  fields: ["conversations", "system", "tools"],
  schema: {
    type: "object",
    required: ["conversations"],
    properties: {
      conversations: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          required: ["from", "value"],
          properties: { from: { type: "string", enum: Object.keys(SPEAKERS) }, value: text },
        },
      },
      system: { type: ["string", "null"] },
      tools,
    },
  },
  toContent: (row) => {
    const list: Message[] = [];
    if (typeof row["system"] === "string" && row["system"] !== "")
      list.push({ role: "system", content: row["system"] });
    for (const { from, value } of row["conversations"] as readonly { from: string; value: string }[]) {
      const call = from === "function_call" ? parseCall(value) : undefined;
      const role = SPEAKERS[from] ?? "user";
      list.push(
        call ? { role, content: "", tool_calls: [{ type: "function", function: call }] } : { role, content: value },
      );
    }
    return withTools(list, row["tools"]);
  },
  isChat: true,
};

/** `{"name": …, "arguments": …}` as JSON; anything else is trained as the text that it is. */
function parseCall(value: string): JsonObject | undefined {
  try {
    const call: unknown = parseBounded(value);
    const isCall = typeof call === "object" && call !== null && typeof (call as JsonObject)["name"] === "string";
    return isCall ? (call as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

const plainText: Format = {
  fields: ["text"],
  schema: { type: "object", required: ["text"], properties: { text: nonEmpty } },
  toContent: (row) => ({ kind: "text", text: String(row["text"]) }),
  isChat: false,
};

const preference: Format = {
  fields: ["prompt", "chosen", "rejected"],
  schema: {
    type: "object",
    required: ["chosen", "rejected"],
    properties: {
      prompt: textOrMessages("a text or a list of messages"),
      chosen: textOrMessages("a text or a list of messages"),
      rejected: textOrMessages("a text or a list of messages"),
    },
    // Without a prompt, it is the common start of two conversations; two strings have none.
    if: { not: { required: ["prompt"] } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { chosen: messages, rejected: messages } },
  },
  toContent: (row) => {
    const chosen = turns(row["chosen"], "assistant");
    const rejected = turns(row["rejected"], "assistant");
    if (row["prompt"] !== undefined)
      return { kind: "preference", prompt: turns(row["prompt"], "user"), chosen, rejected };
    let shared = 0;
    while (shared < chosen.length && JSON.stringify(chosen[shared]) === JSON.stringify(rejected[shared])) shared += 1;
    return {
      kind: "preference",
      prompt: chosen.slice(0, shared),
      chosen: chosen.slice(shared),
      rejected: rejected.slice(shared),
    };
  },
  isChat: true,
};

/** Every format of `data.format`. */
export const FORMATS: { readonly [F in DataFormat]: Format } = {
  messages: chat,
  "prompt-completion": promptCompletion,
  alpaca,
  sharegpt,
  text: plainText,
  preference,
};
