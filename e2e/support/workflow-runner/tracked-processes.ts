/** Ends what a job left running, as the runner does: it knows its processes by a variable of their environment. */
import { readdirSync, readFileSync } from "node:fs";

/** @param id the job's own, as unique as a UUID. Where there is no /proc, nothing is found. */
export function endTracked(id: string): void {
  for (const pid of pids()) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      if (environment.includes(`RUNNER_TRACKING_ID=${id}`)) process.kill(pid, "SIGKILL");
    } catch {
      // It has ended, or is another user's.
    }
  }
}

function pids(): readonly number[] {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  } catch {
    return [];
  }
}
