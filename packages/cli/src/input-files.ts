/** Files that a user names on the command line: read whole, or refused with the place of what is wrong. */
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { GituneError, type Issue, type JsonlRow, type JsonValue, type Results, readJsonl } from "@gitune/core";

/** How a path is shown: as short as it is from here. */
export function shownPath(cwd: string, path: string): string {
  const short = relative(cwd, resolve(cwd, path));
  return short === "" ? "." : short.replaceAll("\\", "/");
}

/**
 * Every row of a JSONL file.
 * @throws {GituneError} with every error of the file; warnings do not stop
 */
export async function readJsonlFile(cwd: string, path: string, signal: AbortSignal): Promise<readonly JsonlRow[]> {
  const rows: JsonlRow[] = [];
  const issues: Issue[] = [];
  const file = shownPath(cwd, path);
  for await (const item of readJsonl(resolve(cwd, path), { file, signal })) {
    if (item.kind === "row") rows.push(item);
    else if (item.issue.severity === "error") issues.push(item.issue);
  }
  if (issues.length > 0) throw new GituneError(issues);
  return rows;
}

/** @throws {GituneError} `file.unreadable` or `results.invalid` */
export async function readResultsFile(cwd: string, path: string): Promise<Results> {
  const file = shownPath(cwd, path);
  const value = await readJsonFile(cwd, path);
  if (!isResults(value)) {
    throw new GituneError({
      code: "results.invalid",
      severity: "error",
      file,
      message: `${file} is not a results file`,
      expected: "what gitune eval --out writes: version 1, project, base, suites",
      fix: "write it with gitune eval --out results.json",
    });
  }
  return value;
}

async function readJsonFile(cwd: string, path: string): Promise<unknown> {
  const file = shownPath(cwd, path);
  let text: string;
  try {
    text = await readFile(resolve(cwd, path), "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(cause);
    const message = `cannot read ${file}: ${reason}`;
    throw new GituneError({ code: "file.unreadable", severity: "error", file, message }, { cause });
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    const message = `${file} is not JSON: ${(cause as Error).message}`;
    throw new GituneError({ code: "results.invalid", severity: "error", file, message }, { cause });
  }
}

/** The parts that comparing relies on; what the statistics read of a row is checked there. */
function isResults(value: unknown): value is Results {
  if (!isObject(value) || value["version"] !== 1 || typeof value["project"] !== "string") return false;
  if (typeof value["template_sha256"] !== "string" || !isObject(value["base"])) return false;
  const suites = value["suites"];
  return Array.isArray(suites) && suites.every(isSuite);
}

function isSuite(value: unknown): boolean {
  if (!isObject(value) || typeof value["name"] !== "string" || typeof value["data_sha256"] !== "string") return false;
  if (!isObject(value["metrics"]) || !isObject(value["slices"])) return false;
  const rows = value["rows"];
  return (
    Array.isArray(rows) &&
    rows.every((row) => isObject(row) && typeof row["id"] === "string" && isObject(row["scores"]))
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
