/**
 * The two parts of publishing. `judge` trains, evaluates and judges, and gets no token at all. `publish` has the Hub's,
 * and trains nothing: it takes what the first part left in the store.
 */
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import * as core from "@actions/core";
import { GituneError, type Issue } from "@gitune/core";
import { annotate } from "../annotate.js";
import { gituneIn, withinJob } from "../call-gitune.js";
import { fitToLimit } from "../comment/fit-to-limit.js";
import { type Env, readInput, readRunInputs } from "../inputs.js";
import { writeSummary } from "../outputs.js";
import { preflight } from "../preflight.js";
import { VERDICT_WORDS } from "../verdict-words.js";
import { workingFolder } from "../working-folder.js";
import { MAX_REPORT_CHARS, type PublishAnswer, parsePublishOutput, writeRelease } from "./release-document.js";
import { hubLine, planLines, releaseHeading } from "./release-notes.js";

export type PublishPart = "judge" | "publish";

/** Runs one part, and sets the outputs that action.yml names; fails the step where nothing may be, or was, published. */
export async function publishStep(env: Env, part: PublishPart): Promise<void> {
  core.setOutput("verdict", "error");
  const inputs = readRunInputs(env);
  const { device, workingDirectory } = inputs;
  const tag = readTag(env);
  const { workspace, cwd } = workingFolder(env, workingDirectory);
  const isStored = part === "publish" || readInput(env, "stored") === "true";
  const gitune = gituneIn(cwd, env, part === "publish" ? hubCredentials(env) : {});
  const lacking = isStored ? null : await preflight([projectOf(tag)], inputs, gitune);
  const args = [
    "publish",
    tag,
    "--json",
    ...(part === "judge" ? ["--dry-run"] : []),
    // A machine that cannot train can still say what is in the store.
    ...(isStored || lacking !== null ? ["--stored"] : []),
    ...(device === null ? [] : ["--device", device]),
  ];
  const given = parsePublishOutput(await withinJob(gitune, args, inputs.job));
  const answer = lacking !== null && isUnjudged(given) ? parsePublishOutput(lacking) : given;
  const name = answer.kind === "done" ? answer.document.tag : tag;
  const folder = join(cwd, ".gitune", "release", name);
  core.setOutput("report-path", relative(workspace, join(folder, "report")).replaceAll("\\", "/"));
  const report = readReport(join(folder, "report", "report.md"));
  if (answer.kind === "refused") {
    refuse(env, answer, name, report);
    return;
  }
  const { document } = answer;
  const { status, verdict, adapter, hub, commit } = document;
  if (part === "judge") annotate(document.issues);
  const file = join(mkdtempSync(join(env["RUNNER_TEMP"] ?? tmpdir(), "gitune-")), "release.json");
  writeRelease(file, { ...document, report_text: report });
  const isDryRun = readInput(env, "dry-run") === "true";
  core.setOutput("verdict", verdict);
  core.setOutput("status", part === "publish" || isDryRun ? status : "judged");
  core.setOutput("tag", name);
  core.setOutput("commit", commit);
  core.setOutput("adapter-path", join(workingDirectory, adapter.path).replaceAll("\\", "/"));
  core.setOutput("adapter-sha256", adapter.sha256);
  core.setOutput("hub-url", hub.url);
  core.setOutput("hub-commit", hub.commit ?? "");
  core.setOutput("result-file", file);
  const said =
    part === "publish"
      ? [`## \`${name}\` ${status === "already" ? "was published before" : "is published"}`, "", hubLine(document)]
      : [releaseHeading(document), "", ...(isDryRun ? planLines(document) : []), report];
  writeSummary(env, { comment: said.join("\n") });
  core.info(`gitune: ${name}: ${VERDICT_WORDS[verdict]}, ${part === "publish" ? status : "nothing published yet"}`);
}

/** @throws {GituneError} `action.input`; what is no release's tag is the command line's to say */
function readTag(env: Env): string {
  const pushed = env["GITHUB_REF_TYPE"] === "tag" ? (env["GITHUB_REF_NAME"] ?? "") : "";
  const tag = readInput(env, "tag") || pushed;
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,200}$/.test(tag)) return tag;
  const message = `input "tag": expected <project>@<version>, or a run for a pushed tag; found "${tag.slice(0, 80)}"`;
  throw new GituneError({ code: "action.input", severity: "error", message });
}

/** @param tag also a project's name */
function projectOf(tag: string): string {
  return tag.split("@")[0] ?? tag;
}

function isUnjudged(answer: PublishAnswer): boolean {
  return answer.kind === "refused" && answer.issues.some(({ code }) => code === "publish.unjudged");
}

/** The identity of the workflow, which a job has with `id-token: write`, and who built it, for the provenance. */
const IDENTITY = [
  "ACTIONS_ID_TOKEN_REQUEST_URL",
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "HF_OIDC_RESOURCE",
  "GITHUB_WORKFLOW_REF",
] as const;

function hubCredentials(env: Env): Readonly<Record<string, string>> {
  const token = readInput(env, "hf-token");
  if (token !== "") core.setSecret(token);
  const identity = IDENTITY.flatMap((name): [string, string][] => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(identity), ...(token === "" ? {} : { HF_TOKEN: token }) };
}

/** @returns an empty text where there is none */
function readReport(file: string): string {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0 || size > 4 * MAX_REPORT_CHARS) return "";
  return fitToLimit(readFileSync(file, "utf8"), MAX_REPORT_CHARS, "> [!NOTE]\n> The report goes on in the artifact.");
}

type Refusal = Extract<PublishAnswer, { readonly kind: "refused" }>;

function refuse(env: Env, { exitCode, issues }: Refusal, tag: string, report: string): void {
  annotate(issues);
  if (exitCode === 1) {
    core.setOutput("verdict", "fail");
    writeSummary(env, { comment: [`## ❌ \`${tag}\` is not published`, "", report].join("\n") });
  }
  const again = exitCode === 3 ? " Run the failed job again: it goes on where it stopped." : "";
  core.error(`${tag} is not published.${again}`, { title: titleOf(exitCode, issues) });
  process.exitCode = core.ExitCode.Failure;
}

function titleOf(exitCode: Refusal["exitCode"], issues: readonly Issue[]): string {
  if (exitCode === 2) return "gitune: bad input";
  if (exitCode === 3) return "gitune: could not run";
  const isGate = issues.every(({ code, severity }) => code === "publish.gate" || severity !== "error");
  return isGate ? "gitune: the gate says no" : "gitune: a check says no";
}
