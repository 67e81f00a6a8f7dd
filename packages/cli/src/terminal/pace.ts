/** How much time a phase still takes, from how it went so far. */
import type { ProgressEvent } from "@gitune/core";

/** Follows one phase after the other. */
export class Pace {
  #phase = "";
  #firstDone = 0;
  #firstMs = 0;

  /**
   * At the mean pace since the phase's first event: what a resumed run had done before says nothing of it.
   * @param nowMs when the event came, of a clock that only goes forward
   * @returns null before anything was done since, and at the end
   */
  secondsLeft({ phase, done, total }: ProgressEvent, nowMs: number): number | null {
    if (phase !== this.#phase) [this.#phase, this.#firstDone, this.#firstMs] = [phase, done, nowMs];
    if (done <= this.#firstDone || done >= total) return null;
    return (((nowMs - this.#firstMs) / (done - this.#firstDone)) * (total - done)) / 1000;
  }
}
