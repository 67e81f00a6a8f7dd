/** Stand-ins for GitHub's own actions that keep files between jobs: checkout, artifacts, caches. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { minimatch } from "minimatch";
import { type ActionFolder, REPOSITORY } from "./action-folder.js";
import type { ActionHandler } from "./workflow-runner/run-steps.js";

export interface StoredActions {
  /** `owner/name` -> its stand-in, or the folder of one, for one run of a workflow. */
  readonly forRun: (run: {
    readonly id: string;
    /** The repository on disk and the commit that a checkout takes. */
    readonly repository: string;
    readonly sha: string;
  }) => Readonly<Record<string, ActionHandler | string>>;
  /** Checkouts of the repository, in order. */
  readonly checkouts: readonly { readonly ref: string; readonly lfs: boolean }[];
  /** Folder of one run's artifacts, a folder each. */
  readonly artifacts: (runId: string) => string;
  readonly remove: () => void;
}

/** @param action what a checkout of gitune itself gives */
export function storedActions(action: ActionFolder): StoredActions {
  const root = mkdtempSync(join(tmpdir(), "gitune-stored-"));
  const artifacts = (runId: string) => join(root, "artifacts", runId);
  const caches = join(root, "caches");
  mkdirSync(caches);
  let saves = 0;
  const checkouts: { ref: string; lfs: boolean }[] = [];

  return {
    artifacts,
    checkouts,
    remove: () => rmSync(root, { recursive: true, force: true }),
    forRun: ({ id, repository, sha }) => ({
      "actions/setup-node": () => ({}),
      "actions/cache": () => ({ "cache-hit": "true" }),
      "github/codeql-action/upload-sarif": join(REPOSITORY, "e2e/fixtures/upload-sarif"),
      "actions/checkout": ({ inputs, workspace }) => {
        const dir = join(workspace, String(inputs["path"] ?? "."));
        if (inputs["path"] === ".gitune-action") {
          cpSync(action.root, dir, { recursive: true });
          return {};
        }
        // A second checkout into the same folder keeps what the first one fetched.
        if (!existsSync(join(dir, ".git"))) execFileSync("git", ["clone", "--quiet", "--no-checkout", repository, dir]);
        const ref = String(inputs["ref"] ?? sha);
        execFileSync("git", ["checkout", "--quiet", "--detach", ref], { cwd: dir });
        checkouts.push({ ref, lfs: inputs["lfs"] === true || inputs["lfs"] === "true" });
        return {};
      },
      "actions/upload-artifact": ({ inputs, workspace }) => {
        const from = resolve(workspace, String(inputs["path"]));
        const to = join(artifacts(id), String(inputs["name"]));
        // As on GitHub, nothing is made of nothing.
        if (!existsSync(from) || (statSync(from).isDirectory() && readdirSync(from).length === 0)) return {};
        mkdirSync(to, { recursive: true });
        cpSync(from, statSync(from).isDirectory() ? to : join(to, basename(from)), { recursive: true });
        return {};
      },
      "actions/download-artifact": ({ inputs, workspace }) => {
        const source = artifacts(String(inputs["run-id"] ?? id));
        const to = join(workspace, String(inputs["path"]));
        const { name, pattern } = inputs;
        if (name !== undefined) {
          if (!existsSync(join(source, String(name)))) throw new Error("Unable to download artifact(s): not found");
          cpSync(join(source, String(name)), to, { recursive: true });
          return {};
        }
        for (const found of existsSync(source) ? readdirSync(source) : []) {
          if (!minimatch(found, String(pattern))) continue;
          cpSync(join(source, found), inputs["merge-multiple"] === true ? to : join(to, found), { recursive: true });
        }
        return {};
      },
      "actions/cache/save": ({ inputs, workspace }) => {
        const from = join(workspace, String(inputs["path"]));
        saves += 1;
        if (existsSync(from)) cpSync(from, join(caches, String(saves)), { recursive: true });
        return {};
      },
      // The newest of all, which is what the prefix in `restore-keys` finds.
      "actions/cache/restore": ({ inputs, workspace }) => {
        const newest = readdirSync(caches).sort((a, b) => Number(b) - Number(a))[0];
        if (newest !== undefined) {
          cpSync(join(caches, newest), join(workspace, String(inputs["path"])), { recursive: true });
        }
        return { "cache-hit": "false" };
      },
    }),
  };
}
