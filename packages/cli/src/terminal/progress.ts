/** Progress for people: a bar on a terminal, a line now and then elsewhere. */
import type { OnProgress, ProgressEvent } from "@gitune/core";
import { Pace } from "./pace.js";
import { formatSeconds } from "./table.js";

/** Between two lines where there is no terminal: often enough to see life, seldom enough for a CI log. */
const LINE_INTERVAL_MS = 30_000;

export interface ProgressDisplay {
  readonly onProgress: OnProgress;
  /** Clears what is drawn, so that other text can follow. */
  readonly stop: () => void;
}

/** Shows nothing: for --quiet. */
export const SILENT_PROGRESS: ProgressDisplay = { onProgress: () => {}, stop: () => {} };

/**
 * One event as a line, e.g. `train: 12/40 steps (30%), 4 min 5 s left, loss 2.1, tokens/s 820`.
 * @param secondsLeft null where it cannot be told yet
 */
export function progressLine(event: ProgressEvent, secondsLeft: number | null = null): string {
  const percent = event.total > 0 ? ` (${Math.floor((100 * event.done) / event.total)}%)` : "";
  const left = secondsLeft === null ? "" : `, ${formatSeconds(secondsLeft)} left`;
  const detail = Object.entries(event.detail ?? {}).map(([name, value]) => `, ${name} ${value}`);
  return `${event.phase}: ${event.done}/${event.total} ${event.unit}${percent}${left}${detail.join("")}`;
}

/**
 * Writes at most one line in `intervalMs`, also while a phase sends no events, so that a log shows life.
 * @param write takes one line without its newline
 */
export function lineProgress(write: (line: string) => void, intervalMs: number = LINE_INTERVAL_MS): ProgressDisplay {
  let last: ProgressEvent | undefined;
  let left: number | null = null;
  const pace = new Pace();
  const timer = setInterval(() => {
    if (last) write(progressLine(last, left));
  }, intervalMs);
  timer.unref();
  return {
    onProgress: (event) => {
      last = event;
      left = pace.secondsLeft(event, performance.now());
    },
    stop: () => {
      clearInterval(timer);
      last = undefined;
    },
  };
}
