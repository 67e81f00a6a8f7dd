/** How long a run may take in a job that GitHub ends; pure. */

/** Of the job's time for handing over checkpoints and results, and the most that takes. */
const RESERVED_SHARE = 0.1;
const MAX_RESERVED_MINUTES = 10;
/** A run that has no time left says so itself. */
const LEAST_MINUTES = 0.01;
/** What a step in hand and its checkpoint may take at least. */
const GRACE_MINUTES = 1;

export interface TimeLimit {
  /** When the run is to stop by itself, with a checkpoint; minutes from now. */
  readonly stopMinutes: number;
  /** When one that did not is ended, such as one whose device hangs; what it has on the disk can still be kept. */
  readonly endMinutes: number;
}

/** @param timeoutMinutes the job's own, from its start on */
export function timeLimit(timeoutMinutes: number, startedMs: number, nowMs: number): TimeLimit {
  const reserved = Math.min(RESERVED_SHARE * timeoutMinutes, MAX_RESERVED_MINUTES);
  const left = timeoutMinutes - (nowMs - startedMs) / 60_000;
  const stopMinutes = Math.max(left - reserved, LEAST_MINUTES);
  return { stopMinutes, endMinutes: Math.max(left - reserved / 2, stopMinutes + GRACE_MINUTES) };
}
