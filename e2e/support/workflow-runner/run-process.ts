/** One process of a step: its environment, its command files, its output. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCommandFile } from "./commands.js";
import { type JobLog, StepOutput } from "./job-log.js";

/** A test that hangs must end before whoever waits for it loses patience. */
const DEFAULT_TIMEOUT_MINUTES = 5;

/** What a step changed for those after it. */
export interface StepEffects {
  readonly outputs: Record<string, string>;
  readonly state: Record<string, string>;
  readonly env: Record<string, string>;
  readonly paths: string[];
  summary: string;
}

/** @returns the exit code; what the step said is in `effects` and the log */
export async function runProcess(options: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly tempDir: string;
  readonly log: JobLog;
  readonly effects: StepEffects;
  readonly timeoutMinutes?: number | undefined;
  /** Aborts when the machine is gone. */
  readonly lost?: AbortSignal | undefined;
}): Promise<number> {
  const { argv, cwd, tempDir, log, effects } = options;
  const commandFile = (kind: string) => {
    const path = join(tempDir, `${kind}_${randomUUID()}`);
    writeFileSync(path, "");
    return path;
  };
  const files = {
    GITHUB_ENV: commandFile("env"),
    GITHUB_OUTPUT: commandFile("output"),
    GITHUB_PATH: commandFile("path"),
    GITHUB_STATE: commandFile("state"),
    GITHUB_STEP_SUMMARY: commandFile("summary"),
  };
  let exitCode = await spawnStep({ ...options, env: { ...options.env, ...files } });
  try {
    Object.assign(effects.env, parseCommandFile(readFileSync(files.GITHUB_ENV, "utf8")));
    Object.assign(effects.outputs, parseCommandFile(readFileSync(files.GITHUB_OUTPUT, "utf8")));
    Object.assign(effects.state, parseCommandFile(readFileSync(files.GITHUB_STATE, "utf8")));
  } catch (error) {
    log.annotate("error", (error as Error).message);
    exitCode ||= 1;
  }
  effects.paths.push(
    ...readFileSync(files.GITHUB_PATH, "utf8")
      .split("\n")
      .filter((line) => line !== ""),
  );
  effects.summary += readFileSync(files.GITHUB_STEP_SUMMARY, "utf8");
  if (exitCode !== 0) log.say(`##[error]Process completed with exit code ${exitCode} (${argv[0]} in ${cwd}).`);
  return exitCode;
}

async function spawnStep(options: Parameters<typeof runProcess>[0]): Promise<number> {
  const { argv, env, cwd, log, effects } = options;
  const [command = "", ...args] = argv;
  const output = new StepOutput(log, effects.outputs, effects.state);
  return new Promise((resolve) => {
    // A group of its own, so that what the step started ends with it.
    const child = spawn(command, args, { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true });
    options.lost?.addEventListener("abort", () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    });
    const timeoutMs = (options.timeoutMinutes ?? DEFAULT_TIMEOUT_MINUTES) * 60_000;
    const timer = setTimeout(() => {
      log.annotate("error", "The action has timed out.");
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => output.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => output.push(text));
    child.on("error", (error) => {
      clearTimeout(timer);
      log.annotate("error", error.message);
      resolve(127);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      output.end();
      resolve(code ?? 1);
    });
  });
}
