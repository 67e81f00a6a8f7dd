/** How every entry point ends when it cannot do its work: never with the gate's words. */
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";

/** Prints what was thrown and fails the step. */
export function reportFailure(error: unknown): void {
  const issues = error instanceof GituneError ? error.issues : [];
  const lines = issues.map((issue) =>
    issue.fix === undefined ? issue.message : `${issue.message}\nfix: ${issue.fix}`,
  );
  const text =
    lines.length > 0 ? lines.join("\n") : error instanceof Error ? (error.stack ?? error.message) : String(error);
  const title = error instanceof GituneError && error.exitCode === 2 ? "gitune: bad input" : "gitune: could not run";
  core.error(text, { title });
  process.exitCode = core.ExitCode.Failure;
}
