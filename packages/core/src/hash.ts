/** Content hashes and the canonical JSON that they are taken over. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { InternalError } from "./issue.js";

/** sha256 in hex; text is hashed as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** sha256 in hex of a file's bytes, streamed. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/**
 * JSON with sorted keys and no blanks, so that equal values have equal text (RFC 8785: keys by UTF-16 units, numbers
 * as ECMAScript prints them). Beyond the RFC: members that are `undefined` are left out, as `JSON.stringify` does.
 * @throws {InternalError} for what JSON cannot hold: NaN, infinities, functions, bigints, `undefined` in a list
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new InternalError(`canonical JSON cannot hold ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") {
    const object = value as Readonly<Record<string, unknown>>;
    const members: string[] = [];
    for (const key of Object.keys(object).sort()) {
      const member = object[key];
      if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
    }
    return `{${members.join(",")}}`;
  }
  throw new InternalError(`canonical JSON cannot hold a ${typeof value}`);
}

/** The key of a result in the store: sha256 (hex) over all that the result depends on (contracts.md §7). */
export function cacheKey(parts: object): string {
  return sha256Hex(canonicalJson(parts));
}
