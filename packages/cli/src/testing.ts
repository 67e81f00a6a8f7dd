/** Helpers of the e2e tests: the built CLI as a process of its own, in repositories of its own. Not shipped. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("./main.js", import.meta.url));

/** No settings of this user, no other repository, no colours. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  HOME: tmpdir(),
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_NOSYSTEM: "1",
  NO_COLOR: "1",
};

export interface Answer {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** Sees the child once it runs, to send it a signal. */
  readonly onSpawn?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs `gitune ...args` and waits for its end. */
export function gitune(args: readonly string[], options: CallOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...(options.nodeArgs ?? []), MAIN, ...args], {
      cwd: options.cwd,
      env: { ...ENVIRONMENT, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    options.onSpawn?.(child);
  });
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A git repository in a temporary folder. */
export class TestRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-cli-")));

  constructor(files: Files = {}) {
    this.git("init", "--quiet");
    this.git("symbolic-ref", "HEAD", "refs/heads/main");
    this.write(files);
  }

  git(...args: readonly string[]): string {
    const identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "core.autocrlf=false"];
    return execFileSync("git", [...identity, ...args], {
      cwd: this.root,
      env: ENVIRONMENT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      const target = join(this.root, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content);
    }
  }

  /** @returns the commit's sha */
  commit(message: string, files: Files = {}): string {
    this.write(files);
    this.git("add", "--all");
    this.git("commit", "--quiet", "--message", message);
    return this.git("rev-parse", "HEAD");
  }

  gitune(args: readonly string[], options: Partial<CallOptions> = {}): Promise<Answer> {
    return gitune(args, { cwd: this.root, ...options });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Rows as the text of a JSONL file. */
export function jsonl(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}
