/** Where the CLI is: the action is a folder of gitune's own repository, and runs the CLI beside it. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { GituneError } from "@gitune/core";
import { hasCudaDriver } from "@gitune/train/device-files";

/** This file is bundled into `packages/action/bundle/`, as deep as `packages/action/dist/`. */
const ROOT = resolve(fileURLToPath(new URL("../../..", import.meta.url)));

export interface Engine {
  /** Absolute path of gitune's repository. */
  readonly root: string;
  /** Whether its dependencies are there already, as in gitune's own checkout. */
  readonly isInstalled: boolean;
  /** Whether the machine can use ONNX Runtime's CUDA files, which no package brings. */
  readonly hasCuda: boolean;
  /** The same for the same lockfile, platform, Node, and with or without CUDA's files. */
  readonly cacheKey: string;
}

/** @throws {GituneError} `action.engine` where the CLI is not built */
export function findEngine(): Engine {
  const root = ROOT;
  const main = cliMain();
  if (!existsSync(main)) {
    const message = "gitune's command line is not built at this ref of the action";
    const fix = "use a release tag, or run `npm ci && npm run build` in this repository before this step";
    throw new GituneError({ code: "action.engine", severity: "error", message, fix }, { exitCode: 3 });
  }
  const lock = readFileSync(join(root, "package-lock.json"));
  const hash = createHash("sha256").update(lock).digest("hex").slice(0, 32);
  const [major] = process.versions.node.split(".");
  const hasCuda = hasCudaDriver();
  const machine = [process.platform, process.arch, ...(hasCuda ? ["cuda"] : []), `node${major}`].join("-");
  return {
    root,
    isInstalled: canResolve(main, "commander") && runtimeFolder(root) !== null,
    hasCuda,
    cacheKey: `gitune-engine-${machine}-${hash}`,
  };
}

/** Folder of onnxruntime-node as the engine at `root` finds it; null where it is not installed. */
export function runtimeFolder(root: string): string | null {
  const path = resolved(join(root, "packages/train/package.json"), "onnxruntime-node/package.json");
  return path === null ? null : dirname(path);
}

/** Absolute path of the CLI's entry point. */
export function cliMain(): string {
  return join(ROOT, "packages", "cli", "dist", "main.js");
}

function canResolve(from: string, name: string): boolean {
  return resolved(from, name) !== null;
}

function resolved(from: string, name: string): string | null {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return null;
  }
}
