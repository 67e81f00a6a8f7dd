import { canonicalJson } from "../hash.js";
import type { Issue } from "../issue.js";
import type { Lock } from "./build.js";

/** Parts that may differ without changing what an adapter is worth: they are told, not refused. */
const TOLD: ReadonlySet<string> = new Set(["versions", "device"]);

/**
 * Compares a lock with what the inputs are now. Pure.
 * @returns one issue an input that differs; none where the adapter is of exactly these inputs
 */
export function verifyLock(lock: Lock, now: Lock): Issue[] {
  const issues: Issue[] = [];
  const differs = (pointer: string, what: string, was: unknown, is: unknown, file?: string): void => {
    if (canonicalJson(was ?? null) === canonicalJson(is ?? null)) return;
    issues.push({
      code: "lock.mismatch",
      severity: TOLD.has(pointer.slice(1)) ? "note" : "error",
      project: lock.project,
      ...(file === undefined ? {} : { file }),
      pointer,
      message: `${what} is not what the adapter was made from`,
      expected: show(was),
      found: show(is),
      ...(TOLD.has(pointer.slice(1)) ? {} : { fix: "train the adapter again" }),
    });
  };
  differs("/project", "the project", lock.project, now.project);
  differs("/config_sha256", "the recipe", lock.config_sha256, now.config_sha256);
  differs("/template_sha256", "the chat template", lock.template_sha256, now.template_sha256);
  differs("/base", "the base", lock.base, now.base);
  differs("/seed", "the seed", lock.seed, now.seed);
  const [was, is] = [lock, now].map(({ rows }) => new Map(rows.map(({ file, sha256 }) => [file, sha256])));
  for (const file of new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])) {
    differs("/rows", `the file ${file}`, was?.get(file), is?.get(file), file);
  }
  differs("/versions", "a version", lock.versions, now.versions);
  differs("/device", "the device", lock.device, now.device);
  return issues;
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);
}
