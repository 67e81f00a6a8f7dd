/** Reading `config.json` by a table: every key has a reader, and a key without one is refused. */
import { GituneError, type Issue } from "@gitune/core";

/** Where a value stands. */
export interface Place {
  readonly file: string;
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
}

/**
 * Turns one value (`undefined` where the key is absent) into what the model needs.
 * @throws GituneError `model.unsupported` for a value whose maths we lack, `model.config` for one that makes no sense
 */
export type Reader<T> = (value: unknown, at: Place) => T;

export type KeyTable = { readonly [key: string]: Reader<unknown> };
export type Values<K extends KeyTable> = { readonly [N in keyof K]: ReturnType<K[N]> };
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Every key of the table, read.
 * @param known what a key should be one of, in words
 * @throws GituneError `model.unsupported` with an issue for each key that the table lacks, and what its readers throw
 */
export function readKeys<K extends KeyTable>(table: K, json: JsonObject, at: Place, known: string): Values<K> {
  const strange = Object.keys(json).filter((key) => !Object.hasOwn(table, key));
  if (strange.length > 0) {
    throw new GituneError(strange.map((key) => unsupportedIssue(within(at, key), json[key], `a key of ${known}`)));
  }
  const values = Object.entries(table).map(([key, read]) => [key, read(json[key], within(at, key))]);
  return Object.fromEntries(values) as Values<K>;
}

/** Says nothing about the maths of these weights: whatever it holds is fine. */
export const neutral: Reader<unknown> = (value) => value;

/** One of the values under which our maths is right; the first where the key is absent. */
export function only<const T>(...values: readonly [T, ...T[]]): Reader<T> {
  return (value, at) => {
    if (value === undefined) return values[0];
    if (!values.includes(value as T)) {
      throw new GituneError(unsupportedIssue(at, value, values.map((item) => JSON.stringify(item)).join(" or ")));
    }
    return value as T;
  };
}

/** Above what any model has, and below what would overflow a size. */
const MAX_WHOLE = 2 ** 31;

/** A whole number in min..max. @param options.absent the value where the key is left out; without one it is required */
export function whole(
  options: { readonly absent?: number; readonly min?: number; readonly max?: number } = {},
): Reader<number> {
  const { absent, min = 1, max = MAX_WHOLE } = options;
  return (value = absent, at) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      throw badValue(at, `a whole number in ${min}..${max}`, value);
    }
    return value;
  };
}

/** A finite number above 0. @param absent the value where the key is left out; without one it is required */
export function positive(absent?: number): Reader<number> {
  return (value = absent, at) => {
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
      throw badValue(at, "a number above 0", value);
    }
    return value;
  };
}

/** @param absent the value where the key is left out */
export function flag(absent: boolean): Reader<boolean> {
  return (value = absent, at) => {
    if (typeof value !== "boolean") throw badValue(at, "true or false", value);
    return value;
  };
}

/** A written `null`, or what `read` makes of the value. @param absent for a key that is left out */
export function optional<T>(read: Reader<T>, absent: T | null = null): Reader<T | null> {
  return (value, at) => {
    if (value === undefined) return absent;
    return value === null ? null : read(value, at);
  };
}

/** The place of a key below another. */
export function within({ file, pointer }: Place, key: string): Place {
  return { file, pointer: `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}` };
}

/** The issue for a key or a value whose maths is not ours. */
export function unsupportedIssue({ file, pointer }: Place, found: unknown, expected: string, why?: string): Issue {
  return {
    code: "model.unsupported",
    severity: "error",
    file,
    pointer,
    message: `${pointer.slice(1)} is not supported: ${why ?? "training without its effect would give wrong numbers"}`,
    expected,
    found: shown(found),
    fix: "use a base of a supported family (docs/models.md), or engine: peft",
  };
}

export function badValue({ file, pointer }: Place, expected: string, found: unknown): GituneError {
  return new GituneError({
    code: "model.config",
    severity: "error",
    file,
    pointer,
    message: `${pointer.slice(1)} is not usable`,
    expected,
    found: shown(found),
  });
}

/** Long enough to recognise, short enough for an annotation. */
const MAX_SHOWN_CHARS = 200;
const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, MAX_SHOWN_CHARS) ?? "nothing";
