/** Where a step works. */
import { isAbsolute, relative, resolve } from "node:path";
import { GituneError } from "@gitune/core";
import type { Env } from "./inputs.js";

export interface WorkingFolder {
  /** Absolute. */
  readonly workspace: string;
  /** Absolute: the workspace or a folder in it. */
  readonly cwd: string;
}

/**
 * @param written input `working-directory`, relative to the workspace
 * @throws {GituneError} `action.input` for a folder outside of the workspace
 */
export function workingFolder(env: Env, written: string): WorkingFolder {
  const workspace = resolve(env["GITHUB_WORKSPACE"] ?? process.cwd());
  const cwd = resolve(workspace, written);
  const inside = relative(workspace, cwd);
  if (!inside.startsWith("..") && !isAbsolute(inside)) return { workspace, cwd };
  const message = `input "working-directory": "${written}" is outside of the workspace`;
  throw new GituneError({ code: "action.input", severity: "error", message });
}
