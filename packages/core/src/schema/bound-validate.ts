/** A user's schema may take forever on a row: a pattern that backtracks, references that double. It gets a few seconds. */
import { createContext, Script } from "node:vm";
import { GituneError } from "../issue.js";
import type { ValidateFunction } from "./ajv.js";

/** Real schemas take microseconds a row. */
const MAX_ROW_MS = 5000;

/** Without any of them, a check takes time in proportion to the row, and needs no watch, which takes longer than most checks. */
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
  const context = createContext({ check: () => false });
  // V8 looks at the timeout inside of a regular expression, too, which nothing else can stop in its own thread.
  const script = new Script("check()");
  const bounded = (value: unknown): boolean => {
    context["check"] = () => validate(value);
    try {
      return script.runInContext(context, { timeout: MAX_ROW_MS }) as boolean;
    } catch (error) {
      // An Error of the context, so not one of this realm's.
      if ((error as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw tooSlow(file, error);
      throw error;
    } finally {
      bounded.errors = validate.errors;
    }
  };
  bounded.errors = validate.errors;
  return Object.assign(bounded, { schema: validate.schema, schemaEnv: validate.schemaEnv }) as ValidateFunction;
}

function tooSlow(file: string, cause: unknown): GituneError {
  const message = `the schema takes more than ${MAX_ROW_MS / 1000} s to check one row`;
  const fix = "write its patterns without a repetition inside a repetition";
  return new GituneError({ code: "schema.slow", severity: "error", file, message, fix }, { cause });
}
