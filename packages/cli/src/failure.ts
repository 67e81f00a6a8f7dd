/** What went wrong, decided purely from what was thrown. */
import { type FailureExitCode, GituneError, type Issue } from "@gitune/core";

export interface Failure {
  readonly exitCode: FailureExitCode;
  readonly issues: readonly Issue[];
  /** Only when someone debugs: a user cannot act on it. */
  readonly stack?: string;
}

/** Error codes of Node for a machine that cannot do what is asked, with what helps. */
const MACHINE_ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: "free some space on this disk, then run again: finished work is kept in the store",
  EDQUOT: "free some of your disk quota, then run again: finished work is kept in the store",
  EROFS: "choose a folder on a disk that can be written",
  EACCES: "give this user access to the path",
  EPERM: "give this user access to the path",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENOMEM: "close other programs, or lower micro_batch_size and max_length",
};

/**
 * Turns anything thrown into issues and an exit code. What is not ours is exit code 3, never 1: a crash must not
 * look like a verdict of the gate.
 */
export function describeFailure(
  error: unknown,
  options: { readonly debug: boolean; readonly aborted: boolean },
): Failure {
  const stack = options.debug && error instanceof Error ? { stack: stackOf(error) } : {};
  if (options.aborted && !(error instanceof GituneError && error.exitCode === 3)) {
    const message = "stopped before the end, as asked";
    const fix = "run the same command again: finished work is kept";
    return { exitCode: 3, issues: [{ code: "cli.interrupted", severity: "error", message, fix }], ...stack };
  }
  if (error instanceof GituneError) return { exitCode: error.exitCode, issues: error.issues, ...stack };
  const system = systemError(error);
  if (system) {
    const { message, fix } = system;
    return { exitCode: 3, issues: [{ code: "machine.io", severity: "error", message, fix }], ...stack };
  }
  const message = `gitune failed in a way it should not: ${error instanceof Error ? error.message : String(error)}`;
  const fix = "run again with GITUNE_DEBUG=1 and report what it prints";
  return { exitCode: 3, issues: [{ code: "internal", severity: "error", message, fix }], ...stack };
}

/** Walks the causes too, since a full disk is often wrapped on its way up. */
function systemError(error: unknown): { readonly message: string; readonly fix: string } | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { code } = current as NodeJS.ErrnoException;
    const fix = code === undefined ? undefined : MACHINE_ERRORS[code];
    if (fix !== undefined) return { message: current.message, fix };
  }
  return undefined;
}

function stackOf(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
