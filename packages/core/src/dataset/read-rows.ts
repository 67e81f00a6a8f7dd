/** The rows of a split, for those who use them: the first bad row stops it. `validateProject` is what lists them all. */
import type { Project } from "../config/config.js";
import { joinInside, nativePath } from "../io/paths.js";
import { GituneError, type Issue } from "../issue.js";
import { readJsonl } from "../jsonl/read.js";
import type { Row } from "../row.js";
import type { ValidateFunction } from "../schema/ajv.js";
import { compileUserSchema } from "../schema/compile.js";
import { leadsOutside, listSplit, outside } from "./files.js";
import { locate } from "./locate.js";
import { makeRowParser, toRow } from "./parse-row.js";

/**
 * Streams a split's rows in the order of its files (by name) and lines.
 * @throws {GituneError} exit code 2, at the first file or row that is not fit for use; `data.no-rows` where none is there
 */
export async function* readRows(project: Project, split: string, signal?: AbortSignal): AsyncGenerator<Row> {
  const { files, issues } = await listSplit(project, split);
  if (issues.length > 0) throw new GituneError(issues);
  const parse = makeRowParser(project.config.data, await userSchemaOf(project));
  let rows = 0;
  for (const file of files) {
    for await (const item of readJsonl(nativePath(project.root, file), { file, ...(signal ? { signal } : {}) })) {
      if (item.kind === "issue") {
        // An empty file beside others is no reason to stop; validate reports it.
        if (item.issue.severity === "error" && item.issue.code !== "jsonl.empty")
          throw new GituneError(named(item.issue, project));
        continue;
      }
      const parsed = parse(item.value);
      const row = toRow(parsed, file, item.line);
      if (!row)
        throw new GituneError(parsed.findings.map((finding) => named(locate(finding, file, item, parsed), project)));
      rows += 1;
      yield row;
    }
  }
  if (rows > 0) return;
  const message = `split ${split} of project ${project.config.name} has no rows`;
  throw new GituneError({ code: "data.no-rows", severity: "error", project: project.config.name, message });
}

/** A split's rows as a list: for what needs them all at once. @see readRows */
export async function loadRows(project: Project, split: string, signal?: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(project, split, signal)) rows.push(row);
  return rows;
}

/**
 * The project's own schema, compiled; null where it has none.
 * @throws {GituneError} where it cannot be used
 */
export async function userSchemaOf(project: Project): Promise<ValidateFunction | null> {
  const { config, root, dir } = project;
  if (config.data.schema === null) return null;
  const file = joinInside(dir, config.data.schema);
  if (file === null)
    throw new GituneError({ code: "config.path", severity: "error", message: "the schema leaves the repository" });
  if (await leadsOutside(root, file)) throw new GituneError(outside(file, config.name));
  const compiled = await compileUserSchema(nativePath(root, file), file);
  if (typeof compiled !== "function") throw new GituneError({ ...compiled, project: config.name });
  return compiled;
}

function named(issue: Issue, project: Project): Issue {
  return { ...issue, project: project.config.name };
}
