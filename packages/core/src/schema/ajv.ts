/** ajv, loaded when the first schema is compiled: the verbs that need none start faster. */
import { createRequire } from "node:module";
import type { Ajv2020, ErrorObject, Options, ValidateFunction } from "ajv/dist/2020.js";

export type { ErrorObject, ValidateFunction };

/** A JSON Schema as data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const require = createRequire(import.meta.url);

/** @param isOurs schemas of ours must have no keyword that ajv does not know; those of users may */
export function makeAjv(isOurs: boolean): Ajv2020 {
  const { Ajv2020: Ajv } = require("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
  const addFormats = require("ajv-formats") as typeof import("ajv-formats");
  // No loadSchema: a $ref to somewhere else stays unresolved, so nothing is ever fetched.
  const options: Options = {
    allErrors: true,
    strictSchema: isOurs,
    strictNumbers: true,
    verbose: true,
    allowUnionTypes: true,
    validateFormats: true,
    logger: false,
  };
  const ajv = new Ajv(options);
  addFormats.default(ajv);
  return ajv;
}

const compiled = new WeakMap<JsonSchema, ValidateFunction>();

/** Compiles a schema of ours once per process. */
export function compileOwn(schema: JsonSchema): ValidateFunction {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = makeAjv(true).compile(schema);
    compiled.set(schema, validate);
  }
  return validate;
}
