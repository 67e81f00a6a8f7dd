/** A file that says when the pipeline last said something new: what hangs repeats itself, or is silent. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../inputs.js";

/** @returns undefined outside of a job */
export function signFile(env: Env): string | undefined {
  const temp = env["RUNNER_TEMP"];
  return temp === undefined || temp === "" ? undefined : join(temp, "gitune-sign-of-life");
}

/** @returns what has to hear every line; it never throws */
export function signOfLife(env: Env): (line: string) => void {
  const path = signFile(env);
  let last = "";
  return (line) => {
    if (path === undefined || line === last) return;
    last = line;
    try {
      writeFileSync(path, String(Date.now()));
    } catch {
      // A full disk is told by those who need it.
    }
  };
}

/** @returns the last sign, or an empty text where there was none yet */
export function readSign(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
