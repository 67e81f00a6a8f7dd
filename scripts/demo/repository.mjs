/** A git repository of its own for the demo, which neither sees nor touches the one around it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";

/** The same commits on every machine, so that the report is the same, too. */
const COMMIT_DATE = "2026-01-01T00:00:00Z";

/**
 * The environment for git and gitune inside the demo: nothing that points at another repository, and no settings
 * of this user (hooks, signing, line ends).
 */
export function demoEnvironment() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  return { ...env, GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" };
}

/**
 * Makes `<parent>/<change>-<pid>`: the root's datasets and models on `main`, the change committed on a branch.
 * The process id keeps two demos apart that run at once; folders of demos that have ended are removed first.
 * @param {{ root: string, parent: string, change: "good" | "bad" }} options
 * @returns {{ folder: string, branch: string }}
 */
export function makeDemoRepository({ root, parent, change }) {
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    const pid = Number(/-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `${change}-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);

  const git = (...args) =>
    execFileSync(
      "git",
      [
        "-c",
        "user.name=gitune demo",
        "-c",
        "user.email=demo@example.invalid",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.autocrlf=false",
        "-c",
        "gc.auto=0",
        "-c",
        "advice.detachedHead=false",
        ...args,
      ],
      {
        cwd: folder,
        env: { ...demoEnvironment(), GIT_AUTHOR_DATE: COMMIT_DATE, GIT_COMMITTER_DATE: COMMIT_DATE },
        stdio: ["ignore", "ignore", "inherit"],
      },
    );

  for (const part of ["datasets", "models"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  git("init", "--quiet");
  git("symbolic-ref", "HEAD", "refs/heads/main");
  git("add", "--all");
  git("commit", "--quiet", "--message", "The datasets as they are");

  const branch = change === "good" ? "add-rows" : "wrong-labels";
  git("checkout", "--quiet", "-b", branch);
  applyChange(join(root, "scripts", "demo", "changes", change), folder);
  git("add", "--all");
  git("commit", "--quiet", "--message", change === "good" ? "Add rows" : "Relabel rows");
  return { folder, branch };
}

/** A change is a folder of files that take the place of those with the same path. */
function applyChange(from, folder) {
  if (!existsSync(from)) throw new Error(`the demo's change is missing: ${from}`);
  for (const name of readdirSync(from)) {
    if (name === "README.md") continue;
    cpSync(join(from, name), join(folder, name), { recursive: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
