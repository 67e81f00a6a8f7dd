/** The progress bar, in a file of its own: only a terminal pays for loading it. */
import cliProgress from "cli-progress";
import type { ProgressDisplay } from "./progress.js";

/**
 * Draws one bar a phase with cli-progress. A finished phase leaves no trace: the verb's answer says what came of it.
 */
export function barProgress(stream: NodeJS.WriteStream): ProgressDisplay {
  let bar: cliProgress.SingleBar | undefined;
  let phase = "";
  const stop = () => {
    bar?.stop();
    bar = undefined;
    phase = "";
  };
  return {
    onProgress: (event) => {
      const detail = Object.entries(event.detail ?? {})
        .map(([name, value]) => `${name} ${value}`)
        .join("  ");
      const payload = { phase: event.phase, unit: event.unit, detail };
      if (!bar || phase !== event.phase) {
        stop();
        phase = event.phase;
        bar = new cliProgress.SingleBar({
          stream,
          format: "{phase} {bar} {value}/{total} {unit}  {eta_formatted} left  {detail}",
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
