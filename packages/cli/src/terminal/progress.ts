/** Progress for people: a bar on a terminal, a line now and then elsewhere. */
import type { OnProgress, ProgressEvent } from "@gitune/core";
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

/** A phase's first event: what was done before it, by a run that is resumed, says nothing of the pace. */
interface PhaseStart {
  readonly phase: string;
  readonly done: number;
  readonly timeMs: number;
}

/** At the mean pace since the phase's first event; null before anything was done since, and at the end. */
export function secondsLeft({ done, total }: ProgressEvent, start: PhaseStart, nowMs: number): number | null {
  if (done <= start.done || done >= total) return null;
  return (((nowMs - start.timeMs) / (done - start.done)) * (total - done)) / 1000;
}

/**
 * Writes at most one line in `intervalMs`, also while a phase sends no events, so that a log shows life.
 * @param write takes one line without its newline
 */
export function lineProgress(write: (line: string) => void, intervalMs: number = LINE_INTERVAL_MS): ProgressDisplay {
  let last: ProgressEvent | undefined;
  let lastMs = 0;
  let start: PhaseStart | undefined;
  const timer = setInterval(() => {
    if (last && start) write(progressLine(last, secondsLeft(last, start, lastMs)));
  }, intervalMs);
  timer.unref();
  return {
    onProgress: (event) => {
      last = event;
      lastMs = performance.now();
      if (start?.phase !== event.phase) start = { phase: event.phase, done: event.done, timeMs: lastMs };
    },
    stop: () => {
      clearInterval(timer);
      last = undefined;
      start = undefined;
    },
  };
}
