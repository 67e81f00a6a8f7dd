/** A row's value as a `Row`: mapped, checked against its format's schema and the project's, keyed and hashed. */
import type { Config } from "../config/config.js";
import { canonicalJson, sha256Hex } from "../hash.js";
import { fromPointer, toPointer } from "../pointer.js";
import type { JsonObject, JsonValue, Row, RowContent } from "../row.js";
import { compileOwn, type ValidateFunction } from "../schema/ajv.js";
import { explainErrors, type Finding, show, typeName } from "../schema/explain.js";
import { checkContent } from "./conversation.js";
import { FORMATS } from "./formats.js";

/** A row as its parser found it. */
export interface ParsedRow {
  readonly key: string;
  readonly hash: string;
  readonly value: JsonObject;
  /** Null where the row does not have its format. */
  readonly content: RowContent | null;
  readonly findings: readonly Finding[];
}

/** From a parsed line to a row, or to what is wrong with it. */
export type RowParser = (value: JsonValue) => ParsedRow | { readonly findings: readonly Finding[] };

/** The key of a row without an id. 16 hex digits: 64 bits, so a collision is unlikely up to a billion rows. */
export function keyOfHash(hash: string): string {
  return `sha256:${hash.slice(0, 16)}`;
}

/**
 * Makes the parser of a project's rows.
 * @param userSchema the project's own schema, compiled (`compileUserSchema`)
 */
export function makeRowParser(data: Config["data"], userSchema: ValidateFunction | null = null): RowParser {
  const format = FORMATS[data.format];
  const columns = Object.entries(data.columns);
  const back = new Map(columns.map(([field, column]) => [field, column]));
  const validate = compileOwn(format.schema);

  /** A pointer into the mapped row, as one into the row as written. */
  const unmap = (finding: Finding): Finding => {
    const [first, ...rest] = fromPointer(finding.pointer);
    const column = first === undefined ? undefined : back.get(first);
    return column === undefined ? finding : { ...finding, pointer: toPointer([column, ...rest]) };
  };
  const turns = data.format === "messages" ? "messages" : data.format === "sharegpt" ? "conversations" : null;
  const turnPointer = (index: number): string => (turns === null ? "" : toPointer([turns, index]));

  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      const message = `expected an object; found ${typeName(value)}`;
      return { findings: [{ code: "row.type", pointer: "", message, expected: "an object", found: show(value) }] };
    }
    const row = value as JsonObject;
    const mapped = columns.length === 0 ? row : mapColumns(row, columns);
    const findings: Finding[] = [];
    let content: RowContent | null = null;
    if (validate(mapped)) {
      content = format.toContent(mapped);
      findings.push(...checkContent(content, turnPointer).map(unmap));
    } else {
      findings.push(...explainErrors(validate.errors ?? [], "row", mapped).map(unmap));
    }
    if (userSchema && !userSchema(row)) {
      const own = explainErrors(userSchema.errors ?? [], "row", row);
      findings.push(
        ...own.filter(({ code, pointer }) => !findings.some((f) => f.code === code && f.pointer === pointer)),
      );
    }
    const hash = sha256Hex(canonicalJson(row));
    const id = data.id === null ? undefined : idOf(row, data.id, findings);
    return { key: id ?? keyOfHash(hash), hash, value: row, content, findings };
  };
}

function mapColumns(row: JsonObject, columns: readonly (readonly [string, string])[]): JsonObject {
  const mapped: Record<string, JsonValue> = { ...row };
  for (const [, column] of columns) delete mapped[column];
  for (const [field, column] of columns) {
    const value = row[column];
    if (value !== undefined) mapped[field] = value;
  }
  return mapped;
}

function idOf(row: JsonObject, column: string, findings: Finding[]): string | undefined {
  const id = row[column];
  if (typeof id === "string" && id !== "" && id.length <= 1000) return id;
  if (typeof id === "number") return String(id);
  const pointer = toPointer([column]);
  const expected = "a text of 1 to 1000 characters, or a number";
  const message =
    id === undefined
      ? `the row has no ${JSON.stringify(column)}, the key column`
      : `expected ${expected}; found ${show(id)}`;
  findings.push({ code: "row.id", pointer, message, expected, found: show(id) });
  return undefined;
}

/** @returns the row, or null where it is not fit to be trained on */
export function toRow(parsed: ReturnType<RowParser>, file: string, line: number): Row | null {
  if (parsed.findings.length > 0 || !("key" in parsed) || parsed.content === null) return null;
  const { key, hash, value, content } = parsed;
  return { key, hash, value, content, file, line };
}
