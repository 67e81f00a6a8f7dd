/** The rows of an eval suite: `{id?, prompt | messages, references: [..] | label, tags?: [..]}`. */
import type { Project, SuiteConfig } from "../config/config.js";
import { canonicalJson, sha256Hex } from "../hash.js";
import { joinInside, nativePath } from "../io/paths.js";
import { GituneError, type Issue } from "../issue.js";
import { type JsonlRow, readJsonl } from "../jsonl/read.js";
import type { EvalRow, JsonObject, Message } from "../row.js";
import { compileOwn, type JsonSchema } from "../schema/ajv.js";
import { explainErrors, type Finding } from "../schema/explain.js";
import { leadsOutside, outside } from "./files.js";
import { FORMATS } from "./formats.js";
import { locate } from "./locate.js";
import { keyOfHash } from "./parse-row.js";
import { ROLES } from "./role.js";

const text: JsonSchema = { type: "string" };

/** The JSON Schema of a suite's row. Other keys are allowed: metrics may use them. */
export const EVAL_ROW_SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    id: { type: ["string", "number"] },
    prompt: { type: "string", minLength: 1 },
    messages: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["role", "content"],
        properties: { role: { type: "string", enum: ROLES }, content: { type: ["string", "null"] } },
      },
    },
    references: { type: "array", minItems: 1, items: text },
    label: { type: ["string", "number", "boolean"] },
    tags: { type: "array", maxItems: 1000, items: { type: "string", minLength: 1, maxLength: 200 } },
  },
};

export type ParsedEvalRow = { readonly row: EvalRow } | { readonly findings: readonly Finding[] };

/** Makes the parser of a suite's rows. A string prompt is a user's message for chat formats, raw text for the others. */
export function makeEvalRowParser(isChat: boolean): (item: JsonlRow, file: string) => ParsedEvalRow {
  const validate = compileOwn(EVAL_ROW_SCHEMA);
  return (item, file) => {
    if (!validate(item.value)) return { findings: explainErrors(validate.errors ?? [], "row", item.value) };
    const value = item.value as JsonObject;
    const findings: Finding[] = [...oneOf(value, "prompt", "messages"), ...oneOf(value, "references", "label")];
    const turns = value["messages"] as readonly Message[] | undefined;
    if (turns?.at(-1)?.role === "assistant") {
      const pointer = `/messages/${turns.length - 1}/role`;
      const message = "the last turn is the assistant's: a prompt ends before the answer";
      findings.push({ code: "row.last-role", pointer, message, fix: "move the answer into references" });
    }
    if (findings.length > 0) return { findings };
    const { id, prompt, references, label, tags } = value;
    const asked = typeof prompt === "string" ? prompt : "";
    return {
      row: {
        id: id === undefined ? keyOfHash(sha256Hex(canonicalJson(value))) : String(id),
        prompt: turns
          ? { kind: "messages", messages: turns.map((turn) => ({ ...turn, content: turn.content ?? "" })) }
          : isChat
            ? { kind: "messages", messages: [{ role: "user", content: asked }] }
            : { kind: "text", text: asked },
        ...(references === undefined ? {} : { references: references as readonly string[] }),
        ...(label === undefined ? {} : { label: String(label) }),
        tags: (tags ?? []) as readonly string[],
        file,
        line: item.line,
      },
    };
  };
}

function oneOf(value: JsonObject, first: string, second: string): Finding[] {
  const count = [first, second].filter((key) => value[key] !== undefined).length;
  if (count === 1) return [];
  const expected = `exactly one of ${first} and ${second}`;
  const found = count === 0 ? "none" : "both";
  const code = count === 0 ? "row.required" : "row.invalid";
  return [
    {
      code,
      pointer: count === 0 ? `/${first}` : `/${second}`,
      message: `expected ${expected}; found ${found}`,
      expected,
      found,
    },
  ];
}

/** A suite's rows that can be used, and what is wrong with the others. */
export interface SuiteReading {
  readonly rows: readonly EvalRow[];
  readonly issues: readonly Issue[];
  readonly file: string;
  readonly bytes: number;
}

/** Reads a suite with all that is wrong with it. */
export async function inspectSuite(project: Project, suite: SuiteConfig, signal?: AbortSignal): Promise<SuiteReading> {
  const { root, dir, config } = project;
  const file = joinInside(dir, suite.data) ?? suite.data;
  const path = nativePath(root, file);
  const rows: EvalRow[] = [];
  const issues: Issue[] = [];
  let bytes = 0;
  const say = (issue: Issue): void => {
    issues.push({ ...issue, project: config.name });
  };
  if (await leadsOutside(root, file)) {
    say(outside(file, config.name));
    return { rows, issues, file, bytes };
  }
  const parse = makeEvalRowParser(FORMATS[config.data.format].isChat);
  const seen = new Map<string, string>();
  for await (const item of readJsonl(path, { file, ...(signal ? { signal } : {}) })) {
    if (item.kind === "issue") {
      say(item.issue);
      continue;
    }
    bytes = item.byteOffset + item.byteLength + 1;
    const parsed = parse(item, file);
    if ("findings" in parsed) {
      for (const finding of parsed.findings) say(locate(finding, file, item, {}));
      continue;
    }
    const { row } = parsed;
    const first = seen.get(row.id);
    if (first === undefined) seen.set(row.id, `${file}:${item.line}`);
    else say({ ...duplicateId(row.id, first), file, line: item.line });
    rows.push(row);
  }
  return { rows, issues, file, bytes };
}

/**
 * Reads a suite for use.
 * @throws {GituneError} exit code 2, with all that is wrong with it
 */
export async function readSuite(project: Project, suite: SuiteConfig, signal?: AbortSignal): Promise<EvalRow[]> {
  const { rows, issues } = await inspectSuite(project, suite, signal);
  const errors = issues.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new GituneError(errors.slice(0, 50));
  return [...rows];
}

/** Two rows with one key. Rows without an id have one key where they are the same. */
export function duplicateId(key: string, first: string): Issue {
  const isHash = key.startsWith("sha256:");
  const message = isHash ? `the same row is at ${first}` : `the id ${JSON.stringify(key)} is taken by ${first}`;
  const fix = isHash ? "remove one of the two" : "ids pair rows between two states: give each row its own";
  return { code: "data.duplicate-id", severity: "error", row: key, message, fix };
}
