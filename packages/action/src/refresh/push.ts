/** Pushes a branch with the token, without believing anything that the first part may have written into a git config. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnv } from "../child-env.js";
import { RETRY_DELAYS_MS } from "../github.js";
import type { Env } from "../inputs.js";

export interface Push {
  /** Folder of the checkout that has the commit. */
  readonly checkout: string;
  readonly branch: string;
  readonly commit: string;
  /** Of GitHub, such as https://github.com */
  readonly serverUrl: string;
  /** `owner/name` */
  readonly repository: string;
  readonly token: string;
  readonly env: Env;
}

/** `overtaken`: the branch has commits that this one does not, of a person or of another run. They stay. */
export type PushOutcome = "pushed" | "overtaken";

/** @throws {Error} with git's words where the push was not possible */
export async function pushBranch(push: Push): Promise<PushOutcome> {
  const { checkout, branch, commit, serverUrl, repository, token } = push;
  const objects = (
    await git(["rev-parse", "--path-format=absolute", "--git-path", "objects"], checkout, plainEnv(push.env))
  ).stdout.trim();
  // A repository of its own: no remote, no hook, no credential helper, no rewritten address of the checkout's.
  const folder = await mkdtemp(join(push.env["RUNNER_TEMP"] ?? tmpdir(), "gitune-push-"));
  try {
    const env = {
      ...plainEnv(push.env),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
      // In the environment, so that no list of processes shows it; for this server alone.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `http.${serverUrl}/.extraheader`,
      GIT_CONFIG_VALUE_0: `AUTHORIZATION: ${basicAuth(token)}`,
    };
    await git(["init", "--quiet", "--bare", "--template=", folder], folder, plainEnv(push.env));
    const url = `${serverUrl}/${repository}.git`;
    // No `+`: the branch only ever moves forward.
    const args = ["push", "--porcelain", url, `${commit}:refs/heads/${branch}`];
    for (let attempt = 0; ; attempt += 1) {
      const { code, stdout, stderr } = await git(args, folder, env, [0, 1, 128]);
      if (code === 0) return "pushed";
      if (/^!\t.*\[rejected\]|fetch first|non-fast-forward|cannot lock ref/m.test(stdout + stderr)) return "overtaken";
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (delayMs === undefined || !PASSING.test(stderr))
        throw new Error(`git push failed: ${stderr.trim().slice(-2000)}`);
      // Where the answer alone was lost, the branch is there, and git finds nothing to do.
      await sleep(delayMs);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** git's words, and curl's, for a server that is busy or was cut off. */
const PASSING = /returned error: (?:429|5\d\d)|HTTP (?:429|5\d\d)|hung up|Empty reply|Recv failure|Connection reset/i;

/** What goes into the header, which must not be in a log either. */
export function basicAuth(token: string): string {
  return `basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
}

function plainEnv(env: Env): Record<string, string> {
  return { ...childEnv(env), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_GLOBAL: "/dev/null" };
}

interface GitOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function git(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  allowed: readonly number[] = [0],
): Promise<GitOutput> {
  return new Promise((resolve, reject) => {
    execFile("git", [...args], { cwd, env }, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === "number" && allowed.includes(code)) resolve({ code, stdout, stderr });
      else reject(new Error(`git ${args[0]} failed: ${stderr.trim().slice(-2000) || String(error)}`));
    });
  });
}
