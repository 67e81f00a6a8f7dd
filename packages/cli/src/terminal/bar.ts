/** The progress bar, in a file of its own: only a terminal pays for loading it. */
import cliProgress from "cli-progress";
import { Pace } from "./pace.js";
import type { ProgressDisplay } from "./progress.js";
import { formatSeconds } from "./table.js";

/**
 * Draws one bar a phase with cli-progress. A finished phase leaves no trace: the verb's answer says what came of it.
 */
export function barProgress(stream: NodeJS.WriteStream): ProgressDisplay {
  let bar: cliProgress.SingleBar | undefined;
  let phase = "";
  const pace = new Pace();
  const stop = () => {
    bar?.stop();
    bar = undefined;
    phase = "";
  };
  return {
    onProgress: (event) => {
      const left = pace.secondsLeft(event, performance.now());
      const detail = [
        ...(left === null ? [] : [`${formatSeconds(left)} left`]),
        ...Object.entries(event.detail ?? {}).map(([name, value]) => `${name} ${value}`),
      ].join("  ");
      const payload = { phase: event.phase, unit: event.unit, detail };
      if (!bar || phase !== event.phase) {
        stop();
        phase = event.phase;
        bar = new cliProgress.SingleBar({
          stream,
          format: "{phase} {bar} {value}/{total} {unit}  {detail}",
          barCompleteChar: "█",
          barIncompleteChar: "░",
          barsize: 24,
          hideCursor: true,
          clearOnComplete: true,
          stopOnComplete: false,
        });
        bar.start(event.total, event.done, payload);
      } else {
        bar.setTotal(event.total);
        bar.update(event.done, payload);
      }
    },
    stop,
  };
}
