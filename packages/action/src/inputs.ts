/** The action's inputs, read once and checked. Composite steps get no INPUT_*, so action.yml maps them by hand. */
import { GituneError, type Issue } from "@gitune/core";
import { MAX_MATRIX_JOBS } from "./plan/matrix.js";

export type Env = Readonly<Record<string, string | undefined>>;

export const COMMENT_MODES = ["sticky", "new", "off"] as const;
export type CommentMode = (typeof COMMENT_MODES)[number];

/** What the step runs; each action.yml says which. */
export const VERBS = ["run", "plan", "validate"] as const;
export type ActionVerb = (typeof VERBS)[number];

/** What a comment is about: a run that waits, one that works, or a result. */
export const STATES = ["queued", "running", "done"] as const;
export type CommentStateName = (typeof STATES)[number];

/** Inputs of the step that runs the pull request's content. It has no token. */
export interface RunInputs {
  readonly verb: ActionVerb;
  /** Names; empty means every project. */
  readonly projects: readonly string[];
  /** A commit to compare with; null lets the event decide. */
  readonly base: string | null;
  /** In place of each recipe's own; null leaves it to them. */
  readonly device: string | null;
  /** Relative to the workspace. */
  readonly workingDirectory: string;
  /** Whether issues are shown on the lines from here; false where a later step does. */
  readonly isAnnotating: boolean;
  /** Of a plan: the most jobs of its matrix. */
  readonly maxJobs: number;
  /** What must be free on the machine beyond what the projects are known to need; null does not look at it. */
  readonly needs: { readonly memoryGib: number; readonly diskGib: number } | null;
  /** The job that the run is a step of; null where nothing is known of its end. */
  readonly job: { readonly timeoutMinutes: number; readonly startedMs: number } | null;
}

/** Inputs of the step that comments. It runs none of the pull request's content. */
export interface CommentInputs {
  readonly projects: readonly string[];
  readonly mode: CommentMode;
  readonly state: CommentStateName;
  /** Whether a result also becomes a check run. */
  readonly hasCheckRun: boolean;
  readonly token: string;
  /** Login that the token comments as, where it cannot be asked (a GitHub App's token); null asks. */
  readonly author: string | null;
}

/** `comment-mode` -> `INPUT_COMMENT_MODE`: a hyphen is no part of a shell variable's name. */
export function readInput(env: Env, name: string): string {
  return (env[`INPUT_${name.replaceAll("-", "_").toUpperCase()}`] ?? "").trim();
}

/** @throws {GituneError} `action.input` with one issue for each wrong input */
export function readRunInputs(env: Env): RunInputs {
  const issues: Issue[] = [];
  const projects = readProjects(env, issues);
  const base = readInput(env, "base");
  if (base !== "" && !isRevision(base)) {
    issues.push(inputIssue("base", "a commit, branch or tag", base));
  }
  const verb = readChoice(env, "verb", VERBS, "run", issues);
  const device = readInput(env, "device");
  if (!/^[a-z-]*$/.test(device) || device.startsWith("-")) issues.push(inputIssue("device", "a device", device));
  const isAnnotating = readSwitch(env, "annotations", issues);
  const maxJobs = Number(readInput(env, "max-jobs") || MAX_MATRIX_JOBS);
  if (!Number.isInteger(maxJobs) || maxJobs < 1 || maxJobs > MAX_MATRIX_JOBS) {
    issues.push(inputIssue("max-jobs", `a whole number from 1 to ${MAX_MATRIX_JOBS}`, readInput(env, "max-jobs")));
  }
  const isLooking = readChoice(env, "preflight", ["true", "false"], "false", issues) === "true";
  const memoryGib = readNumber(env, "min-memory", issues) ?? 0;
  const diskGib = readNumber(env, "min-disk", issues) ?? 0;
  const timeoutMinutes = readNumber(env, "timeout-minutes", issues);
  const startedMs = (readNumber(env, "started", issues) ?? Date.now() / 1000) * 1000;
  if (issues.length > 0) throw new GituneError(issues);
  return {
    verb,
    projects,
    base: base === "" ? null : base,
    device: device === "" ? null : device,
    workingDirectory: readInput(env, "working-directory") || ".",
    isAnnotating,
    maxJobs,
    needs: isLooking ? { memoryGib, diskGib } : null,
    job: timeoutMinutes === null ? null : { timeoutMinutes, startedMs },
  };
}

/** @throws {GituneError} `action.input` with one issue for each wrong input */
export function readCommentInputs(env: Env): CommentInputs {
  const issues: Issue[] = [];
  const projects = readProjects(env, issues);
  const mode = readChoice(env, "comment-mode", COMMENT_MODES, "sticky", issues);
  const state = readChoice(env, "state", STATES, "done", issues);
  const hasCheckRun = readSwitch(env, "check-run", issues);
  if (issues.length > 0) throw new GituneError(issues);
  const author = readInput(env, "comment-author");
  const token = readInput(env, "github-token");
  return { projects, mode, state, hasCheckRun, token, author: author === "" ? null : author };
}

/** How often the progress is looked at. @returns seconds, 30 where nothing is said */
export function readSeconds(env: Env, input: string): number {
  const text = readInput(env, input) || "30";
  if (!/^\d{1,4}$/.test(text) || text === "0") {
    throw new GituneError(inputIssue(input, "a number of seconds from 1 to 9999", text));
  }
  return Number(text);
}

/** @returns null where nothing is said */
function readNumber(env: Env, input: string, issues: Issue[]): number | null {
  const text = readInput(env, input);
  if (text === "") return null;
  if (!/^\d{1,12}(\.\d{1,6})?$/.test(text)) issues.push(inputIssue(input, "a number", text));
  return Number(text);
}

function readChoice<T extends string>(env: Env, input: string, known: readonly T[], fallback: T, issues: Issue[]): T {
  const asked = readInput(env, input);
  const found = known.find((one) => one === asked);
  if (found === undefined && asked !== "") issues.push(inputIssue(input, known.join(", "), asked));
  return found ?? fallback;
}

/** On unless it says `false`. */
function readSwitch(env: Env, input: string, issues: Issue[]): boolean {
  return readChoice(env, input, ["true", "false"], "true", issues) === "true";
}

/** Separated by commas, spaces or lines. What starts with a hyphen would be an option to the CLI. */
function readProjects(env: Env, issues: Issue[]): readonly string[] {
  const names = readInput(env, "projects")
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  for (const name of names) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name)) {
      issues.push(inputIssue("projects", "project names, separated by commas or lines", name));
    }
  }
  return [...new Set(names)];
}

/** Neither an option of git nor a range. */
function isRevision(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_./^~@{}+-]*$/.test(text) && !text.includes("..");
}

function inputIssue(input: string, expected: string, found: string): Issue {
  return {
    code: "action.input",
    severity: "error",
    message: `input "${input}": expected ${expected}; found "${found.slice(0, 80)}"`,
    expected,
    found: found.slice(0, 80),
  };
}
