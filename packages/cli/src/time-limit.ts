/** An own limit for work that somebody ends at a later one, so that it ends with a checkpoint and says why. */
import { GituneError } from "@gitune/core";

/** What `setTimeout` can wait for, 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * @param minutes undefined for none
 * @param work stops as soon as it can when its signal aborts
 * @param startedMs since when the minutes count, as of `Date.now()`; several works can so share one limit
 * @throws {GituneError} `run.time-limit` (exit code 3) where the time was up; whatever `work` throws else
 */
export async function withinLimit<T>(
  minutes: number | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  startedMs = Date.now(),
): Promise<T> {
  if (minutes === undefined) return work(signal);
  const limit = new AbortController();
  const leftMs = startedMs + minutes * 60_000 - Date.now();
  if (leftMs <= 0) throw timeIsUp(minutes);
  const timer = setTimeout(() => limit.abort(), Math.min(leftMs, MAX_TIMEOUT_MS));
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } catch (error) {
    // A row that cannot be used is told as such, whenever it is found.
    const isOther = signal.aborted || (error instanceof GituneError && error.exitCode !== 3);
    if (!limit.signal.aborted || isOther) throw error;
    throw timeIsUp(minutes, error);
  } finally {
    clearTimeout(timer);
  }
}

function timeIsUp(minutes: number, cause?: unknown): GituneError {
  const [stopped] = cause instanceof GituneError ? cause.issues : [];
  const how = stopped?.code === "train.interrupted" ? `; ${stopped.message}` : "; what was finished is kept";
  return new GituneError(
    {
      code: "run.time-limit",
      severity: "error",
      message: `the time limit of ${minutes} min was reached${how}`,
      fix: "run it again: it goes on from there; or give it more time",
    },
    { exitCode: 3, cause },
  );
}
