/**
 * ONNX Runtime's CUDA files, which its package is too large for: downloaded where a driver is and no cache has brought them.
 * Without them a CPU trains all the same, and the look at the machine refuses `device: cuda` with what is missing.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import * as core from "@actions/core";
import { cudaInstallation } from "@gitune/train/device-files";
import { findEngine, runtimeFolder } from "./engine.js";

/** Some 300 MB, from a host that is not npm's. */
const TIME_LIMIT_MS = 600_000;

/** Adds the files, or warns of why they are not there. Never a failure. */
export function addCudaFiles(): void {
  const folder = runtimeFolder(findEngine().root);
  const why = folder === null ? "onnxruntime-node is not installed" : install(folder);
  if (why === null) return;
  const message = `${why}. This run can train on the CPU alone. They come from NuGet: docs/self-hosted.md.`;
  core.warning(message, { title: "gitune: no CUDA files of ONNX Runtime" });
}

/** @returns why they are not there; null where they are */
function install(folder: string): string | null {
  const { script, env, find } = cudaInstallation(folder);
  if (find() !== null) return null;
  const { status, signal, error } = spawnSync(process.execPath, [script], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: TIME_LIMIT_MS,
  });
  const found = find();
  if (status === 0 && found !== null) return null;
  // Half a library would be taken for a whole one, and kept in the cache.
  if (found !== null) rmSync(found);
  return `their download ${error ? `failed: ${error.message}` : `ended with ${signal ?? `exit code ${status}`}`}`;
}
