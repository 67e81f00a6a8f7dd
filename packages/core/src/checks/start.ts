import type { CheckConfig, CheckLevel } from "../config/config.js";
import type { Severity } from "../issue.js";
import type { CheckContext, CheckRun } from "./check.js";
import { CHECKS } from "./table.js";

/** A rule that is on, and what its findings are worth. */
export interface StartedCheck {
  readonly run: CheckRun;
  readonly severity: Severity;
}

/** Starts every rule that is on and can run. */
export function startChecks(checks: Readonly<Record<string, CheckConfig>>, context: CheckContext): StartedCheck[] {
  return Object.entries(CHECKS).flatMap(([name, check]) => {
    const written = checks[name];
    const level: CheckLevel = written?.level ?? "off";
    if (!written || level === "off") return [];
    const run = check(written, context);
    return run ? [{ run, severity: level }] : [];
  });
}
