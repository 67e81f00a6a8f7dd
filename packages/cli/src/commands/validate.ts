/** `gitune validate`: everything that is wrong with the data, before anything is trained on it. */
import {
  discoverProjects,
  findRepoRoot,
  GituneError,
  type Issue,
  type IssueFormat,
  type Project,
  type ProjectValidation,
  printableJson,
  readSuites,
  renderIssues,
  validateFile,
  validateProject,
} from "@gitune/core";
import { Option } from "commander";
import type { Colors } from "picocolors/types.js";
import { HubBases, hubBaseOf } from "../hub-base/hub-bases.js";
import { shownPath } from "../input-files.js";
import { isConfigCode } from "../issue-kinds.js";
import { tokenizerHere, whyNone } from "../open-base.js";
import { noProjects } from "../projects.js";
import { unknownMetrics } from "../suite-metrics.js";
import { issueColors } from "../terminal/issue-colors.js";
import { counted } from "../terminal/table.js";
import { isCounted, tokenCounter } from "../token-counter.js";
import type { Context, ExitCode, Outcome, Verb } from "../verb.js";
import { readVersion } from "../version.js";

interface Options {
  readonly format: IssueFormat;
  readonly fix?: boolean;
  readonly file?: string;
  readonly schema?: string;
}

export const validate: Verb = {
  configure: (command) =>
    command
      .argument("[project...]", "names; all projects without any")
      .addOption(
        new Option("--format <format>", "of the answer").choices(["text", "json", "sarif", "github"]).default("text"),
      )
      .option("--fix", "first mend what can be mended without loss: byte order marks, \\r\\n line ends, blank lines")
      .option("--file <file.jsonl>", "check one file, without a project")
      .option("--schema <schema.json>", "a JSON Schema (2020-12) for --file"),
  examples: [
    ["gitune validate", "every project, with file, line and a fix for each problem"],
    ["gitune validate support-tickets --format sarif > issues.sarif", "for code scanning"],
    ["gitune validate --file rows.jsonl --schema schema.json", "one file, no project needed"],
  ],
  exitCodes: {
    0: "no errors (warnings are shown)",
    1: "rows have errors",
    2: "a gitune.yaml, a schema or the call is wrong",
    3: "the machine failed",
  },
  run: async (context, command) => {
    const options = command.opts<Options>();
    const validations =
      options.file === undefined
        ? await validateProjects(context, command.args, options)
        : [await validateOne(context, command.args, options.file, options)];
    return toOutcome(validations, options.format, context.colors);
  },
};

async function validateOne(
  context: Context,
  names: readonly string[],
  file: string,
  { schema, fix }: Options,
): Promise<ProjectValidation> {
  if (names.length > 0) throw usage("--file checks one file, so no project can be named");
  const path = shownPath(context.cwd, file);
  if (fix) {
    const { fixFiles } = await import("../fix-files.js");
    noteFixed(context, await fixFiles(context.cwd, [path]));
  }
  const { signal, onProgress } = context;
  return validateFile(path, schema === undefined ? null : shownPath(context.cwd, schema), { signal, onProgress });
}

async function validateProjects(
  context: Context,
  names: readonly string[],
  { fix, schema }: Options,
): Promise<readonly ProjectValidation[]> {
  if (schema !== undefined) throw usage("--schema goes with --file; a project names its schema in gitune.yaml");
  const root = findRepoRoot(context.cwd);
  const { projects, issues } = await discoverProjects(root, names);
  if (projects.length === 0 && issues.length === 0) throw noProjects(root);
  if (fix) {
    const { fixFiles, projectFiles } = await import("../fix-files.js");
    for (const project of projects) noteFixed(context, await fixFiles(root, await projectFiles(project)));
  }

  const all = names.length === 0 ? projects : (await discoverProjects(root)).projects;
  const suitesOfRepo = await readSuites(all, context.signal);
  const validations: ProjectValidation[] = [];
  for (const project of projects) {
    validations.push(await checkProject(project, suitesOfRepo, issues, context));
  }
  return [...validations, ...brokenConfigs(issues, projects)];
}

async function checkProject(
  project: Project,
  suitesOfRepo: Awaited<ReturnType<typeof readSuites>>,
  configIssues: readonly Issue[],
  context: Context,
): Promise<ProjectValidation> {
  const { signal, onProgress, note } = context;
  const bases = new HubBases(context);
  const { countTokens, issues } = await tokenCounter(project, null, tokenizerHere(bases));
  if (!countTokens && issues.length === 0 && isCounted(project) && hubBaseOf(project) !== null) {
    note(`${project.config.name}: the rule tokens is left out, since ${whyNone(project, bases)}`);
  }
  const validation = await validateProject(project, {
    suitesOfRepo,
    signal,
    onProgress,
    ...(countTokens ? { countTokens } : {}),
  });
  const own = configIssues.filter((issue) => issue.project === project.config.name);
  return { ...validation, issues: [...own, ...(await unknownMetrics(project)), ...issues, ...validation.issues] };
}

/** Configs that could not be read have no project to be listed under; their file stands for it. */
function brokenConfigs(issues: readonly Issue[], projects: readonly Project[]): readonly ProjectValidation[] {
  const names = new Set(projects.map(({ config }) => config.name));
  const broken = new Map<string, Issue[]>();
  for (const issue of issues) {
    if (issue.project !== undefined && names.has(issue.project)) continue;
    const name = issue.project ?? issue.file ?? "gitune.yaml";
    broken.set(name, [...(broken.get(name) ?? []), issue]);
  }
  return [...broken].map(([name, found]) => ({ name, files: 0, rows: 0, bytes: 0, issues: found, suppressed: 0 }));
}

/** @internal exported for its test */
export function toOutcome(validations: readonly ProjectValidation[], format: IssueFormat, colors: Colors): Outcome {
  const issues = validations.flatMap((one) => one.issues);
  const exitCode = exitCodeOf(issues);
  const document = { version: 1, ok: exitCode === 0, projects: validations };
  const texts: Readonly<Record<IssueFormat, () => string>> = {
    text: () => validations.map((one) => describe(one, colors)).join("\n"),
    json: () => printableJson(document),
    sarif: () => renderIssues(issues, "sarif", { version: readVersion() }),
    github: () => renderIssues(issues, "github"),
  };
  return { exitCode, text: texts[format](), document };
}

/** A config that is wrong is bad input; rows that are wrong are what the check is for. */
function exitCodeOf(issues: readonly Issue[]): ExitCode {
  const errors = issues.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return 0;
  return errors.some(({ code }) => isConfigCode(code)) ? 2 : 1;
}

function describe({ name, files, rows, issues, suppressed }: ProjectValidation, colors: Colors): string {
  const count = (severity: Issue["severity"]) => issues.filter((issue) => issue.severity === severity).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const mark = errors > 0 ? colors.red("✗") : warnings > 0 ? colors.yellow("!") : colors.green("✓");
  const found = [
    ...(errors > 0 ? [counted(errors, "error")] : []),
    ...(warnings > 0 ? [counted(warnings, "warning")] : []),
    ...(suppressed > 0 ? [`${suppressed.toLocaleString("en")} more not shown`] : []),
  ];
  const summary = `${mark} ${colors.bold(name)}  ${counted(rows, "row")} in ${counted(files, "file")}, ${found.join(", ") || "no problems"}`;
  return issues.length === 0 ? summary : `${renderIssues(issues, "text", { color: issueColors(colors) })}\n${summary}`;
}

function noteFixed(context: Context, fixed: readonly string[]): void {
  for (const file of fixed) context.note(`fixed ${file}`);
}

function usage(message: string): GituneError {
  return new GituneError({ code: "cli.usage", severity: "error", message, fix: "see gitune validate --help" });
}
