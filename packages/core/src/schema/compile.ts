/** Users' row schemas: JSON Schema 2020-12, from a file of the repository, compiled without a network. */
import { readFile, stat } from "node:fs/promises";
import { errnoOf } from "../io/errno.js";
import type { Issue } from "../issue.js";
import { scanJson } from "../jsonl/scan.js";
import { type JsonSchema, makeAjv, type ValidateFunction } from "./ajv.js";
import { boundValidate } from "./bound-validate.js";

const MAX_SCHEMA_BYTES = 4 * 1024 * 1024;

/**
 * Reads and compiles a schema.
 * @param path as the machine names it
 * @param file as issues name it
 * @returns the validator, or what is wrong with the schema
 */
export async function compileUserSchema(path: string, file: string): Promise<ValidateFunction | Issue> {
  const issue = (message: string, more: Partial<Issue> = {}): Issue => ({
    code: "schema.invalid",
    severity: "error",
    file,
    message,
    ...more,
  });
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_SCHEMA_BYTES) return issue(`the schema is ${size} bytes long, the limit is ${MAX_SCHEMA_BYTES}`);
    text = (await readFile(path, "utf8")).replace(/^\ufeff/, "");
  } catch (error) {
    const errno = errnoOf(error);
    const message = `cannot read the schema: ${errno === "ENOENT" ? "there is no such file" : (errno ?? String(error))}`;
    return issue(message, { code: "file.unreadable" });
  }
  const broken = scanJson(text);
  if (broken) {
    const before = text.slice(0, broken.offset).split("\n");
    return issue(broken.message, { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 });
  }
  const schema: unknown = JSON.parse(text);
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return issue("a schema is a JSON object");
  const dialect = (schema as JsonSchema)["$schema"];
  if (typeof dialect === "string" && !/^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/.test(dialect)) {
    const fix = 'write "$schema": "https://json-schema.org/draft/2020-12/schema"';
    return issue("the schema is of another draft than 2020-12", { pointer: "/$schema", found: dialect, fix });
  }
  try {
    return boundValidate(makeAjv(false).compile(schema as JsonSchema), text, file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const missing = /can't resolve reference (\S+)/.exec(reason)?.[1];
    if (missing === undefined) return issue(`the schema cannot be used: ${reason}`);
    const fix = "copy the definition into $defs: nothing is fetched from elsewhere";
    return issue(`the schema refers to ${missing}, which is not in it`, { code: "schema.ref", found: missing, fix });
  }
}
