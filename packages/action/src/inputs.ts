/** The action's inputs, read once and checked. Composite steps get no INPUT_*, so action.yml maps them by hand. */
import { GituneError, type Issue } from "@gitune/core";

export type Env = Readonly<Record<string, string | undefined>>;

export const COMMENT_MODES = ["sticky", "new", "off"] as const;
export type CommentMode = (typeof COMMENT_MODES)[number];

/** Inputs of the step that runs the pull request's content. It has no token. */
export interface RunInputs {
  /** Names; empty means every project. */
  readonly projects: readonly string[];
  /** A commit to compare with; null lets the event decide. */
  readonly base: string | null;
  /** Relative to the workspace. */
  readonly workingDirectory: string;
}

/** Inputs of the step that comments. It runs none of the pull request's content. */
export interface CommentInputs {
  readonly projects: readonly string[];
  readonly mode: CommentMode;
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
  if (issues.length > 0) throw new GituneError(issues);
  return { projects, base: base === "" ? null : base, workingDirectory: readInput(env, "working-directory") || "." };
}

/** @throws {GituneError} `action.input` with one issue for each wrong input */
export function readCommentInputs(env: Env): CommentInputs {
  const issues: Issue[] = [];
  const projects = readProjects(env, issues);
  const asked = readInput(env, "comment-mode") || "sticky";
  const mode = COMMENT_MODES.find((known) => known === asked);
  if (!mode) issues.push(inputIssue("comment-mode", COMMENT_MODES.join(", "), asked));
  if (issues.length > 0 || !mode) throw new GituneError(issues);
  const author = readInput(env, "comment-author");
  return { projects, mode, token: readInput(env, "github-token"), author: author === "" ? null : author };
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
