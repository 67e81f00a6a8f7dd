/** One `gitune.yaml`: read, checked, resolved; every issue with its line and column. */
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path/posix";
import { errnoOf } from "../io/errno.js";
import { nativePath } from "../io/paths.js";
import type { Issue } from "../issue.js";
import { decodeUtf8 } from "../jsonl/utf8.js";
import { fromPointer } from "../pointer.js";
import { compileOwn } from "../schema/ajv.js";
import { explainErrors, type Finding } from "../schema/explain.js";
import type { Config } from "./config.js";
import { resolveConfig } from "./resolve.js";
import { CONFIG_RULES } from "./rules.js";
import { CONFIG_SCHEMA } from "./schema.js";
import type { WrittenConfig } from "./written.js";
import { parseYaml } from "./yaml.js";

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** More are read by nobody; advice and place of each take time. */
const MAX_FINDINGS = 100;

export interface ReadConfig {
  /** Null where an issue is an error. */
  readonly config: Config | null;
  readonly issues: readonly Issue[];
}

/**
 * Reads a project's config. What is wrong with it is returned, never thrown.
 * @param file relative to `root`, forward slashes
 */
export async function readConfig(root: string, file: string): Promise<ReadConfig> {
  const text = await readText(nativePath(root, file));
  if (typeof text !== "string") return { config: null, issues: [{ ...text, file }] };
  const parsed = await parseYaml(text);
  if ("issues" in parsed) return { config: null, issues: parsed.issues.map((issue) => ({ ...issue, file })) };

  const toIssue = (finding: Finding): Issue => ({
    severity: "error",
    file,
    ...parsed.placeOf(fromPointer(finding.pointer)),
    ...finding,
    ...quoteAdvice(finding),
  });
  if (parsed.value === null || parsed.value === undefined) {
    const message = "the config is empty";
    return { config: null, issues: [{ code: "config.empty", severity: "error", file, line: 1, message }] };
  }
  const validate = compileOwn(CONFIG_SCHEMA);
  if (!validate(parsed.value)) {
    const errors = (validate.errors ?? []).slice(0, MAX_FINDINGS);
    const issues = explainErrors(errors, "config", parsed.value).map(toIssue);
    return { config: null, issues: issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
  }
  const config = resolveConfig(parsed.value as WrittenConfig);
  const dir = dirname(file);
  const issues = CONFIG_RULES.flatMap((rule) => rule(config, dir === "." ? "" : dir)).map((finding) => ({
    ...toIssue(finding),
    project: config.name,
  }));
  return { config: issues.length > 0 ? null : config, issues };
}

/** YAML reads `1.0`, `no` … or a revision of digits alone as something else than the text that was meant. */
function quoteAdvice({ code, expected, found }: Finding): Pick<Finding, "fix"> {
  if (code !== "config.type" || expected !== "a string" || !/\((?:number|boolean|null)\)$/.test(found ?? "")) return {};
  return { fix: "put it in quotes" };
}

async function readText(path: string): Promise<string | Pick<Issue, "code" | "severity" | "message" | "fix">> {
  try {
    const { size } = await stat(path);
    if (size > MAX_CONFIG_BYTES)
      return { code: "config.yaml", severity: "error", message: `the config is ${size} bytes long` };
    const bytes = await readFile(path);
    const text = decodeUtf8(bytes);
    if (text === undefined) {
      return {
        code: "config.encoding",
        severity: "error",
        message: "the config is not UTF-8",
        fix: "save it as UTF-8",
      };
    }
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  } catch (error) {
    const message = `cannot read the config: ${errnoOf(error) ?? String(error)}`;
    return { code: "file.unreadable", severity: "error", message };
  }
}
