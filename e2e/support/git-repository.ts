/** A git repository in a folder of its own, which knows nothing of this machine's user. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Files } from "./pull-request.js";

/** What a program in it sees: no settings of this user, no repository around it, no colours, no tokens. */
export const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  HOME: tmpdir(),
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_NOSYSTEM: "1",
  NO_COLOR: "1",
} as const;

const AUTHOR = {
  GIT_AUTHOR_NAME: "Octo",
  GIT_AUTHOR_EMAIL: "octo@example.com",
  GIT_COMMITTER_NAME: "Octo",
  GIT_COMMITTER_EMAIL: "octo@example.com",
} as const;

/** Runs git in a folder. @returns what it prints */
export function git(cwd: string, ...args: readonly string[]): string {
  const env = { ...ENVIRONMENT, ...AUTHOR };
  return execFileSync("git", args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

export class GitRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "gitune-repository-")));

  /** @param files of its first commit, on `main` */
  constructor(files: Files = {}) {
    this.git("init", "--quiet", "--initial-branch=main");
    this.commit("first", files);
  }

  git(...args: readonly string[]): string {
    return git(this.root, ...args);
  }

  write(files: Files): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), content);
    }
  }

  /** @returns the commit's sha */
  commit(message: string, files: Files = {}): string {
    this.write(files);
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "--message", message);
    return this.git("rev-parse", "HEAD");
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
