/**
 * Tells a loss that stands out from the noise of the steps before it. Pure: what it says depends on the losses alone, so a
 * resumed run is told the same.
 *
 * A step is a spike when, after 20 steps, its loss is above all of
 * - `factor` times the median of the last 50 losses: it stands out by more than the user takes,
 * - that median times e^(6σ), σ the robust deviation of their logarithms (1.4826 times the median absolute deviation): it
 *   stands out from this run's own noise, which is large where batches are small,
 * - every loss before: the first ones are an untrained adapter's, so less than those is no harm.
 */
import { median } from "../median.js";

/** Steps, most of which a warm-up takes. */
const BURN_IN = 20;
const WINDOW = 50;
/** Of lognormal noise, one step in a billion is further out. */
const SIGMAS = 6;
/** The median absolute deviation of normal noise is 1 / 1.4826 of its standard deviation. */
const MAD_TO_SIGMA = 1.4826;
/** Losses below are all alike: nothing is left to learn. In nats. */
const FLOOR = 1e-4;

/** Follows a run, step by step. */
export class LossSpikeDetector {
  readonly #factor: number;
  readonly #window: number[] = [];
  #seen = 0;
  #highest = 0;

  /** @param factor 0 finds none */
  constructor(factor: number) {
    this.#factor = factor;
  }

  /**
   * Takes the next step's loss.
   * @returns null, or for a spike the loss that it is above, in nats
   */
  push(loss: number): number | null {
    const limit = this.#limit();
    this.#window.push(Math.max(loss, FLOOR));
    if (this.#window.length > WINDOW) this.#window.shift();
    this.#highest = Math.max(this.#highest, loss);
    this.#seen++;
    return limit !== null && loss > limit ? limit : null;
  }

  #limit(): number | null {
    if (this.#factor === 0 || this.#seen < BURN_IN) return null;
    const middle = median(this.#window);
    const deviations = this.#window.map((loss) => Math.abs(Math.log(loss / middle)));
    const noise = Math.exp(SIGMAS * MAD_TO_SIGMA * median(deviations));
    return Math.max(middle * Math.max(this.#factor, noise), this.#highest);
  }
}
