/** ajv's errors, repaired: where exactly, what was expected, what was found, and the nearest name. */
import type { IssueCode } from "../issue-codes.js";
import { didYouMean, nearest } from "../nearest.js";
import { fromPointer, toPointer } from "../pointer.js";
import type { ErrorObject } from "./ajv.js";

/** An issue without its file and line. */
export interface Finding {
  readonly code: IssueCode;
  readonly pointer: string;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly fix?: string;
}

/** ajv keyword -> the last part of the code. Others become `invalid`. */
type CodePrefix = "row" | "config";
type CodeKind =
  | "type"
  | "enum"
  | "required"
  | "unknown-key"
  | "pattern"
  | "format"
  | "length"
  | "items"
  | "range"
  | "invalid";

const KEYWORD_CODES: Readonly<Record<string, CodeKind>> = {
  type: "type",
  enum: "enum",
  const: "enum",
  required: "required",
  additionalProperties: "unknown-key",
  unevaluatedProperties: "unknown-key",
  propertyNames: "unknown-key",
  pattern: "pattern",
  format: "format",
  minLength: "length",
  maxLength: "length",
  minItems: "items",
  maxItems: "items",
  uniqueItems: "items",
  contains: "items",
  minimum: "range",
  maximum: "range",
  exclusiveMinimum: "range",
  exclusiveMaximum: "range",
  multipleOf: "range",
};

/** What only says that a part failed; the part's own error says how. */
const WRAPPERS: ReadonlySet<string> = new Set(["if", "allOf", "$ref", "propertyNames"]);

/**
 * Explains what ajv found.
 * @param prefix `row` or `config`: the first part of the codes
 * @param root the value that was validated; names near a missing one are looked up in it
 */
export function explainErrors(errors: readonly ErrorObject[], prefix: CodePrefix, root: unknown): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const group of dropBranches(errors)) {
    const finding = explain(group, prefix, root);
    const key = `${finding.pointer} ${finding.code} ${finding.expected ?? finding.message}`;
    if (!seen.has(key)) findings.push(finding);
    seen.add(key);
  }
  return findings;
}

/**
 * An anyOf or oneOf reports each branch and then itself. Where all branches but one fail on the type of the value
 * itself, that one was meant and its errors stay; else only the anyOf stays.
 */
function dropBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const unions = errors.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf");
  let kept = errors.filter(({ keyword }) => !WRAPPERS.has(keyword));
  for (const union of unions) {
    const inside = kept.filter((error) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`));
    const branchOf = (error: ErrorObject) => error.schemaPath.slice(union.schemaPath.length + 1).split("/")[0] ?? "";
    const wrongKind = new Set(
      inside
        .filter(
          ({ keyword, instancePath }) =>
            (keyword === "type" || keyword === "const") && instancePath === union.instancePath,
        )
        .map(branchOf),
    );
    const meant = new Set(inside.map(branchOf).filter((branch) => !wrongKind.has(branch)));
    kept =
      meant.size === 1
        ? kept.filter((error) => error !== union && !(inside.includes(error) && wrongKind.has(branchOf(error))))
        : kept.filter((error) => !inside.includes(error));
  }
  return kept;
}

function explain(error: ErrorObject, prefix: CodePrefix, root: unknown): Finding {
  const code: IssueCode = `${prefix}.${KEYWORD_CODES[error.keyword] ?? "invalid"}`;
  const pointer = error.instancePath;
  const params = error.params as Readonly<Record<string, unknown>>;
  const found = show(error.data);
  switch (error.keyword) {
    case "required": {
      const name = String(params["missingProperty"]);
      const near = nearest(name, keysOf(error.data));
      const fix = near === undefined ? {} : { fix: `rename ${JSON.stringify(near)}` };
      const expected = `the key ${JSON.stringify(name)}`;
      return { code, pointer: child(pointer, name), message: `${JSON.stringify(name)} is missing`, expected, ...fix };
    }
    case "additionalProperties":
    case "unevaluatedProperties": {
      const name = String(params["additionalProperty"] ?? params["unevaluatedProperty"]);
      const known = keysOf((error.parentSchema as { properties?: unknown } | undefined)?.properties);
      const near = didYouMean(name, known);
      const fix = near === undefined ? {} : { fix: near };
      const expected = known.length > 0 ? `one of ${known.join(", ")}` : "no other key";
      return {
        code,
        pointer: child(pointer, name),
        message: `unknown key ${JSON.stringify(name)}`,
        expected,
        found: name,
        ...fix,
      };
    }
    case "enum": {
      const allowed = (params["allowedValues"] as readonly unknown[]) ?? [];
      const expected = `one of ${allowed.map((value) => JSON.stringify(value)).join(", ")}`;
      const texts = allowed.filter((value): value is string => typeof value === "string");
      const near = typeof error.data === "string" ? didYouMean(error.data, texts) : undefined;
      const fix = near === undefined ? {} : { fix: near };
      return { code, pointer, message: `expected ${expected}; found ${found}`, expected, found, ...fix };
    }
    case "const": {
      const expected = JSON.stringify(params["allowedValue"]);
      return { code, pointer, message: `expected ${expected}; found ${found}`, expected, found };
    }
    case "anyOf":
    case "oneOf": {
      const expected = unionText(error);
      return { code, pointer, message: `expected ${expected}; found ${found}`, expected, found };
    }
    case "false schema": {
      const name = fromPointer(pointer).at(-1) ?? "";
      return { code: `${prefix}.unknown-key`, pointer, message: `${JSON.stringify(name)} is not allowed here`, found };
    }
    default: {
      const expected = expectedText(error, params);
      // Two wrong values of the same text, such as "" and "", must not read alike.
      return {
        code,
        pointer,
        message: `expected ${expected}; found ${foundText(error, root)}`,
        expected,
        found: foundText(error, root),
      };
    }
  }
}

/** What a union allows: its description where the schema has one, else its branches' types. */
function unionText(error: ErrorObject): string {
  const parent = error.parentSchema as { description?: unknown } | undefined;
  if (typeof parent?.description === "string") return parent.description;
  const branches = Array.isArray(error.schema) ? (error.schema as { type?: unknown; description?: unknown }[]) : [];
  const names = branches.map(({ description, type }) =>
    typeof description === "string" ? description : String(type ?? "another form"),
  );
  return names.length > 0 ? names.join(" or ") : "another form";
}

function expectedText(error: ErrorObject, params: Readonly<Record<string, unknown>>): string {
  const limit = String(params["limit"]);
  const hint = (error.parentSchema as { description?: unknown } | undefined)?.description;
  switch (error.keyword) {
    case "type":
      return Array.isArray(params["type"])
        ? params["type"].join(" or ")
        : `${article(String(params["type"]))} ${String(params["type"])}`;
    case "minLength":
      return limit === "1" ? "a text that is not empty" : `at least ${limit} characters`;
    case "maxLength":
      return `at most ${limit} characters`;
    case "minItems":
      return `at least ${limit} ${limit === "1" ? "item" : "items"}`;
    case "maxItems":
      return `at most ${limit} ${limit === "1" ? "item" : "items"}`;
    case "minimum":
    case "maximum":
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return `a number ${String(params["comparison"])} ${limit}`;
    case "pattern":
      return typeof hint === "string" ? hint : `a text matching ${String(params["pattern"])}`;
    case "format":
      return `a text in the format ${String(params["format"])}`;
    case "uniqueItems":
      return "items that differ";
    default:
      return error.message ?? error.keyword;
  }
}

function foundText(error: ErrorObject, root: unknown): string {
  const { data } = error;
  if (error.keyword === "type") return error.instancePath === "" ? typeName(root) : `${show(data)} (${typeName(data)})`;
  if (Array.isArray(data)) return `${data.length} ${data.length === 1 ? "item" : "items"}`;
  return show(data);
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? "an" : "a";
}

/** JSON's name for a value's type. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** A value for people: short, on one line. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

function keysOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function child(pointer: string, name: string): string {
  return pointer + toPointer([name]);
}
