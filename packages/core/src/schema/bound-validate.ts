/** A user's schema may take forever on a row: a pattern that backtracks, references that double. It gets a few seconds. */
import { boundCall, MAX_CALL_MS } from "../bound-call.js";
import { GituneError } from "../issue.js";
import type { ValidateFunction } from "./ajv.js";

/** Without any of them, a check takes time in proportion to the row, and needs no watch. */
const SLOW_KEYWORDS = /"(?:pattern|patternProperties|format|uniqueItems|\$ref|\$dynamicRef)"/;

/**
 * The same check, stopped when it does not end.
 * @param text the schema as it is written
 * @param file as issues name it
 * @returns a function that throws a GituneError `schema.slow` (exit code 2) where a row takes more than 5 s
 */
export function boundValidate(validate: ValidateFunction, text: string, file: string): ValidateFunction {
  // A keyword may be spelled with escapes.
  if (!SLOW_KEYWORDS.test(text) && !text.includes("\\")) return validate;
  const call = boundCall(
    (value: unknown): boolean => validate(value),
    (cause) => tooSlow(file, cause),
  );
  const bounded = (value: unknown): boolean => {
    try {
      return call(value);
    } finally {
      bounded.errors = validate.errors;
    }
  };
  bounded.errors = validate.errors;
  return Object.assign(bounded, { schema: validate.schema, schemaEnv: validate.schemaEnv }) as ValidateFunction;
}

function tooSlow(file: string, cause: unknown): GituneError {
  const message = `the schema takes more than ${MAX_CALL_MS / 1000} s to check one row`;
  const fix = "write its patterns without a repetition inside a repetition";
  return new GituneError({ code: "schema.slow", severity: "error", file, message, fix }, { cause });
}
