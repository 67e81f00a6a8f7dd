/** Typed looks at a GGUF file's metadata; a value of another type is an issue that names the key. */
import { ggufError } from "./gguf-error.js";
import type { GgufFile, GgufNumbers } from "./gguf-file.js";

type Head = Pick<GgufFile, "shown" | "metadata">;

/** @returns undefined where the key is absent; for all of these */
export function textOf({ shown, metadata }: Head, key: string): string | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(shown, key, "a text");
}

/** A number, not NaN and not infinite. */
export function numberOf({ shown, metadata }: Head, key: string): number | undefined {
  const value = metadata.get(key);
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw wrongType(shown, key, "a number");
}

export function flagOf({ shown, metadata }: Head, key: string): boolean | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongType(shown, key, "true or false");
}

export function textsOf({ shown, metadata }: Head, key: string): readonly string[] | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value as readonly string[];
  throw wrongType(shown, key, "a list of texts");
}

export function numbersOf(
  { shown, metadata }: Head,
  key: string,
): Exclude<GgufNumbers, BigUint64Array | BigInt64Array> | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (ArrayBuffer.isView(value) && !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array))
    return value;
  throw wrongType(shown, key, "a list of numbers");
}

function wrongType(shown: string, key: string, expected: string) {
  return ggufError(shown, `${key} has another type than it should`, { at: key, expected });
}
