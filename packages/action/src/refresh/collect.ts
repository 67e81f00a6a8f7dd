/** The first part: reads the sources and trains. It may see the sources' tokens, and none of GitHub's. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";
import { childEnv } from "../child-env.js";
import { cliMain } from "../engine.js";
import { type Env, readInput, readRunInputs } from "../inputs.js";
import { runPipeline } from "../run-pipeline.js";
import { workingFolder } from "../working-folder.js";
import { parseRefreshOutput, type RefreshDocument, writeRefreshDocument } from "./refresh-document.js";
import { writeRefreshSummary } from "./refresh-summary.js";
import { writeVersionOutput } from "./version-document.js";

/** Runs `gitune refresh`, and leaves what it says for the step that proposes. */
export async function collectStep(env: Env): Promise<RefreshDocument> {
  const { projects, base, workingDirectory } = readRunInputs(env);
  const names = readSourceEnv(env);
  const passed: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value === undefined || value === "") continue;
    core.setSecret(value);
    passed[name] = value;
  }
  const { cwd } = workingFolder(env, workingDirectory);
  const args = ["refresh", ...projects, "--json", ...(base === null ? [] : ["--base", base])];
  core.info(`gitune ${args.join(" ")}`);
  const run = await runPipeline({
    main: cliMain(),
    args,
    cwd,
    env: { ...childEnv(env), ...passed },
    write: (text) => process.stdout.write(text),
  });
  const folder = mkdtempSync(join(env["RUNNER_TEMP"] ?? tmpdir(), "gitune-"));
  if (readInput(env, "version-pull-request") === "true") {
    const call = { main: cliMain(), args: ["release", "prepare", "--evaluate", "--json"], cwd, env: childEnv(env) };
    const prepared = await runPipeline({ ...call, write: (text) => process.stdout.write(text) });
    const file = join(folder, "versions.json");
    writeVersionOutput(file, prepared.isOverflowing ? "" : prepared.stdout);
    core.setOutput("version-file", file);
  }
  const document = parseRefreshOutput(run.isOverflowing ? "" : run.stdout, run.exitCode);
  const file = join(folder, "refresh.json");
  writeRefreshDocument(file, document);
  writeRefreshSummary(env, document);
  core.setOutput("result-file", file);
  core.setOutput("has-proposal", String(document.projects.some(({ status }) => status === "proposed")));
  return document;
}

/** What the runner itself, the token for GitHub and Node are controlled by is no source's business. */
const REFUSED = /^(?:GITHUB_|ACTIONS_|RUNNER_|INPUT_|NODE_OPTIONS$|LD_|DYLD_|GIT_|PATH$)/i;

function readSourceEnv(env: Env): readonly string[] {
  const names = readInput(env, "source-env")
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  const wrong = names.filter((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || REFUSED.test(name));
  if (wrong.length === 0) return names;
  const message = `input "source-env": ${wrong.map((name) => JSON.stringify(name.slice(0, 80))).join(", ")} cannot be given to a source`;
  throw new GituneError({ code: "action.input", severity: "error", message });
}
