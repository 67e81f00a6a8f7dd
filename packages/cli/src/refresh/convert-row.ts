/** From what a source gives to a row of the project: picked by pointers, converted, and brought to one form. */
import {
  type Config,
  type Finding,
  fromPointer,
  type JsonObject,
  type JsonValue,
  makeRowParser,
  type RefreshSource,
} from "@gitune/core";

/** Whether a source's own words say that a row is to be taken. */
export function isAccepted(value: JsonValue, accept: RefreshSource["accept"]): boolean {
  return Object.entries(accept).every(([pointer, values]) => {
    const found = at(value, pointer);
    return values.some((wanted) => wanted === found);
  });
}

export type Converted = { readonly row: JsonValue } | { readonly findings: readonly Finding[] };

function refused(message: string, pointer = ""): Converted {
  return { findings: [{ code: "refresh.convert", pointer, message }] };
}

/** @param data the project's; the row is in its format and columns */
export function convertRow(
  value: JsonValue,
  { map, format }: Pick<RefreshSource, "map" | "format">,
  data: Config["data"],
): Converted {
  const picked = pick(value, map);
  if ("findings" in picked) return picked;
  const toFields = format === data.format ? picked : convert(picked.row, format, data);
  if ("findings" in toFields) return toFields;
  // Without a map, a row of the project's own format has the project's own columns.
  const isWritten = format === data.format && Object.keys(map).length === 0;
  return { row: normalize(isWritten ? toFields.row : rename(toFields.row, data.columns), data.format) };
}

function pick(value: JsonValue, map: RefreshSource["map"]): Converted {
  const fields = Object.entries(map);
  if (fields.length === 0) return { row: value };
  const row: Record<string, JsonValue> = {};
  for (const [field, pointer] of fields) {
    const found = at(value, pointer);
    if (found === undefined) return refused(`there is nothing for ${JSON.stringify(field)} at ${pointer}`, pointer);
    define(row, field, found);
  }
  return { row };
}

function at(value: JsonValue, pointer: string): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const token of fromPointer(pointer)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, token)) return undefined;
    found = (found as JsonObject)[token];
  }
  return found;
}

/** `__proto__` is a key like any other. */
function define(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function convert(value: JsonValue, from: RefreshSource["format"], data: Config["data"]): Converted {
  const parsed = makeRowParser({ ...data, format: from, columns: {}, id: null })(value);
  if (parsed.findings.length > 0) return { findings: parsed.findings };
  const content = "content" in parsed ? parsed.content : null;
  const row = value as JsonObject;
  const id = data.id === null || row[data.id] === undefined ? {} : { [data.id]: row[data.id] as JsonValue };
  if (content?.kind === "completion") {
    const { prompt, completion } = content;
    if (data.format === "prompt-completion") return { row: { ...id, prompt, completion } };
    const messages = [
      { role: "user", content: prompt },
      { role: "assistant", content: completion },
    ];
    return { row: { ...id, messages } };
  }
  if (content?.kind !== "messages") return refused(`a row of format ${from} is no conversation`);
  const messages = content.messages as unknown as readonly JsonValue[];
  const tools = content.tools === undefined ? {} : { tools: content.tools };
  if (data.format === "messages") return { row: { ...id, messages, ...tools } };
  if (content.tools !== undefined) return refused("a prompt and its completion have no place for tools", "/tools");
  return { row: { ...id, prompt: messages.slice(0, -1), completion: messages.slice(-1) } };
}

/** A format's fields, under the columns that the project has for them. */
function rename(value: JsonValue, columns: Readonly<Record<string, string>>): JsonValue {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const row: Record<string, JsonValue> = {};
  for (const [field, content] of Object.entries(value)) define(row, columns[field] ?? field, content as JsonValue);
  return row;
}

/** Where a turn ends in a template, what is blank at its end is noise; where texts are joined as they are, it is not. */
const TRIMS_ENDS: Readonly<Record<Config["data"]["format"], boolean>> = {
  messages: true,
  alpaca: true,
  sharegpt: true,
  "prompt-completion": false,
  text: false,
  preference: false,
};

/** Unicode NFC and `\n` everywhere, so that two rows that look the same are the same. */
function normalize(value: JsonValue, format: Config["data"]["format"]): JsonValue {
  if (typeof value === "string") {
    const text = value.normalize("NFC").replace(/\r\n?/g, "\n");
    return TRIMS_ENDS[format] ? text.trimEnd() : text;
  }
  if (Array.isArray(value)) return value.map((item) => normalize(item as JsonValue, format));
  if (typeof value !== "object" || value === null) return value;
  const object: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) define(object, key, normalize(item as JsonValue, format));
  return object;
}
