/** Failures of the file system, as errors that say what to do. */
import { GituneError } from "../issue.js";

/** The `code` of a Node system error, e.g. `ENOENT`; undefined for anything else. */
export function errnoOf(cause: unknown): string | undefined {
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return undefined;
}

/**
 * What a failed write means: `disk.full` or `disk.write`, exit code 3. Walks the causes, since a full disk is often
 * wrapped on its way up. Errors that say it already, and errors that do not come from the file system, pass through.
 */
export function writeError(path: string, cause: unknown): unknown {
  if (cause instanceof GituneError) return cause;
  for (let current = cause; current instanceof Error; current = current.cause) {
    const errno = errnoOf(current);
    if (errno === "ENOSPC" || errno === "EDQUOT") {
      return new GituneError(
        {
          code: "disk.full",
          severity: "error",
          message: `no space left on the disk while writing ${path}`,
          fix: "free some space and run again; nothing half-written was kept",
        },
        { exitCode: 3, cause },
      );
    }
    if (errno !== undefined && /^E[A-Z]+$/.test(errno)) {
      return new GituneError(
        {
          code: "disk.write",
          severity: "error",
          message: `cannot write ${path}: ${current.message}`,
          fix: "check that the folder exists and that this user may write to it",
        },
        { exitCode: 3, cause },
      );
    }
  }
  return cause;
}
