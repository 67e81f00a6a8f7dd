import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../io/atomic.js";
import { errnoOf } from "../io/errno.js";
import { GituneError } from "../issue.js";
import { compileOwn, type JsonSchema } from "../schema/ajv.js";
import { LOCK_FILE, type Lock } from "./build.js";

const sha256: JsonSchema = { type: "string", pattern: "^[0-9a-f]{64}$" };
const text: JsonSchema = { type: "string" };

const LOCK_SCHEMA: JsonSchema = {
  type: "object",
  required: [
    "version",
    "project",
    "project_version",
    "config_sha256",
    "rows",
    "base",
    "template_sha256",
    "versions",
    "seed",
    "device",
  ],
  properties: {
    version: { const: 1 },
    project: text,
    project_version: text,
    config_sha256: sha256,
    rows: {
      type: "array",
      items: { type: "object", required: ["file", "sha256"], properties: { file: text, sha256 } },
    },
    base: {
      type: "object",
      required: ["id", "revision", "sha256"],
      properties: { id: text, revision: { type: ["string", "null"] }, sha256 },
    },
    template_sha256: { type: ["string", "null"] },
    versions: { type: "object", additionalProperties: text },
    seed: { type: "integer" },
    device: text,
  },
};

/** Writes `gitune.lock.json` into an adapter's folder. @throws {GituneError} `disk.full`, `disk.write` (exit code 3) */
export async function writeLock(folder: string, lock: Lock): Promise<void> {
  await writeFileAtomic(join(folder, LOCK_FILE), [`${JSON.stringify(lock, null, 2)}\n`]);
}

/** Reads an adapter's lock. @throws {GituneError} `lock.missing` or `lock.invalid` */
export async function readLock(folder: string): Promise<Lock> {
  const file = join(folder, LOCK_FILE);
  const invalid = (message: string): GituneError =>
    new GituneError({ code: "lock.invalid", severity: "error", file, message, fix: "train the adapter again" });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw invalid(`the lock cannot be read: ${String(error)}`);
    const message = `${folder} has no ${LOCK_FILE}: it is no adapter of gitune`;
    throw new GituneError({ code: "lock.missing", severity: "error", file, message });
  }
  const validate = compileOwn(LOCK_SCHEMA);
  if (validate(value)) return value as Lock;
  const [first] = validate.errors ?? [];
  throw invalid(`the lock is not valid: ${first?.instancePath ?? ""} ${first?.message ?? ""}`);
}
