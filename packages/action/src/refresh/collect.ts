/** The first part: reads the sources and trains. It may see the sources' tokens, and none of GitHub's. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";
import { gituneIn, withinJob } from "../call-gitune.js";
import { type Env, readInput, readRunInputs } from "../inputs.js";
import { preflight } from "../preflight.js";
import { workingFolder } from "../working-folder.js";
import { parseRefreshOutput, type RefreshDocument, writeRefreshDocument } from "./refresh-document.js";
import { writeRefreshSummary } from "./refresh-summary.js";
import { writeVersionOutput } from "./version-document.js";

/** Runs `gitune refresh`, and leaves what it says for the step that proposes. */
export async function collectStep(env: Env): Promise<RefreshDocument> {
  const inputs = readRunInputs(env);
  const { projects, base, device, job } = inputs;
  const names = readSourceEnv(env);
  const passed: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value === undefined || value === "") continue;
    core.setSecret(value);
    passed[name] = value;
  }
  const { cwd } = workingFolder(env, inputs.workingDirectory);
  const gitune = gituneIn(cwd, env);
  const onDevice = device === null ? [] : ["--device", device];
  // No source has been asked yet, so that the next run finds all of it new.
  const lacking = await preflight([...projects, "--refresh"], inputs, gitune);
  const call = ["refresh", ...projects, "--json", ...(base === null ? [] : ["--base", base]), ...onDevice];
  const run = lacking ?? (await withinJob(gituneIn(cwd, env, passed), call, job));
  const folder = mkdtempSync(join(env["RUNNER_TEMP"] ?? tmpdir(), "gitune-"));
  if (readInput(env, "version-pull-request") === "true") {
    const evaluate = lacking === null ? ["--evaluate"] : [];
    const prepared = await withinJob(gitune, ["release", "prepare", "--json", ...evaluate, ...onDevice], job);
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
