/** The words that the config's schema is written in. Descriptions of patterns end up in error messages. */
import type { JsonSchema } from "../schema/ajv.js";

export const text = (description: string): JsonSchema => ({
  type: "string",
  minLength: 1,
  maxLength: 10_000,
  description,
});
export const path = (description: string): JsonSchema => ({
  type: "string",
  minLength: 1,
  maxLength: 1_000,
  description,
});
export const name = (description: string): JsonSchema => ({
  type: "string",
  minLength: 1,
  maxLength: 200,
  description,
});
export const count = (minimum: number, description: string, dflt?: number): JsonSchema => ({
  type: "integer",
  minimum,
  description,
  ...(dflt === undefined ? {} : { default: dflt }),
});
export const number = (limits: JsonSchema, description: string, dflt?: number): JsonSchema => ({
  type: "number",
  ...limits,
  description,
  ...(dflt === undefined ? {} : { default: dflt }),
});
export const choice = (values: readonly string[], description: string, dflt?: string): JsonSchema => ({
  type: "string",
  enum: values,
  description,
  ...(dflt === undefined ? {} : { default: dflt }),
});
export const object = (required: readonly string[], properties: JsonSchema, description: string): JsonSchema => ({
  type: "object",
  additionalProperties: false,
  required,
  properties,
  description,
});
