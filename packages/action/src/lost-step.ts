/**
 * Where a machine went away under its job, as the jobs API shows it; pure. GitHub documents none of it, and has shown two
 * shapes, both seen in 2026 with the annotation "lost communication with the server":
 *
 * - the step stays `in_progress` and those after it `pending`, all without a conclusion, and the job has failed
 *   (https://github.com/cozystack/cozystack/issues/3853, https://github.com/NVIDIA/NemoClaw/issues/7146)
 * - the step is `cancelled` and all after it are `skipped`, the cleanup of actions too, and the job has failed
 *   (https://github.com/NVIDIA/NemoClaw/pull/7399), or is `cancelled` where the machine was shut down in order
 *   (https://github.com/actions/runner/issues/4422, https://github.com/runs-on/runs-on/issues/249)
 *
 * A job that a person, a newer run or its time limit cancelled differs: its cleanup ran. Annotations are not read: of a
 * machine that was shut down they say no more than "The operation was canceled."
 * (https://github.com/camunda/camunda/issues/57701).
 */

export interface ApiStep {
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
}

/** What GitHub calls the step that cleans up after an action's. */
const CLEANUP = /^Post /;
const FAILED: ReadonlySet<string | null> = new Set(["failure", "cancelled", "timed_out"]);

/**
 * @param conclusion of the job; null of one that runs, or whose end GitHub has not noted yet
 * @returns name of the step; null where no step looks so
 */
export function findLostStep(conclusion: string | null, steps: readonly ApiStep[]): string | null {
  const open = steps.find(({ status }) => status === "in_progress");
  if (open) return open.name;
  const ending = steps.findIndex((step) => FAILED.has(step.conclusion));
  const end = steps[ending];
  if (end === undefined) {
    // Lost between two steps: nothing failed, and yet not all was done.
    const next = conclusion === "failure" ? steps.find((step) => step.conclusion === null) : undefined;
    return next?.name ?? null;
  }
  if (end.conclusion !== "cancelled") return null;
  const cleanup = steps.slice(ending + 1).filter(({ name }) => CLEANUP.test(name));
  const hasCleanedUp = cleanup.some((step) => step.conclusion !== null && step.conclusion !== "skipped");
  return cleanup.length > 0 && !hasCleanedUp ? end.name : null;
}
