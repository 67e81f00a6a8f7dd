/**
 * Tells a run that broke from one that is noisy. Pure: what it says depends on the losses alone, so a resumed run is told the
 * same.
 *
 * A spike is five steps in a row, each with a loss above all of
 * - `factor` times the median of the 50 losses before them,
 * - that median times e^(2σ), σ the robust deviation of the losses' logarithms (1.4826 times their median absolute
 *   deviation): this run's own noise, which is large where batches are small,
 * - that median and half a nat: what is small may triple.
 * One such step is an odd row, and training gets over it; of five in a row that are noise there is one in a hundred million.
 */
import { median } from "../median.js";

/** Losses to compare with, before anything stands out. */
const BURN_IN = 20;
const WINDOW = 50;
const STREAK = 5;
const SIGMAS = 2;
/** The median absolute deviation of normal noise is 1 / 1.4826 of its standard deviation. */
const MAD_TO_SIGMA = 1.4826;
/** In nats. */
const LEAST_RISE = 0.5;
/** Losses below are all alike: nothing is left to learn. In nats. */
const FLOOR = 1e-4;

/** What was found. */
export interface LossSpike {
  /** Steps ago that it began: 0 is the step in hand. */
  readonly stepsAgo: number;
  /** The median of the losses before, in nats. */
  readonly before: number;
}

/** Follows a run, step by step. */
export class LossSpikeDetector {
  readonly #factor: number;
  #window: number[] = [];
  #streak: number[] = [];

  /** @param factor 0 finds none */
  constructor(factor: number) {
    this.#factor = factor;
  }

  /** Takes the next step's loss. @returns null unless it makes a spike whole */
  push(loss: number): LossSpike | null {
    const value = Math.max(loss, FLOOR);
    if (value <= this.#limit()) {
      this.#window = [...this.#window, ...this.#streak, value].slice(-WINDOW);
      this.#streak = [];
      return null;
    }
    this.#streak.push(value);
    if (this.#streak.length < STREAK) return null;
    return { stepsAgo: this.#streak.length - 1, before: median(this.#window) };
  }

  #limit(): number {
    if (this.#factor === 0 || this.#window.length < BURN_IN) return Number.POSITIVE_INFINITY;
    const middle = median(this.#window);
    const sigma = MAD_TO_SIGMA * median(this.#window.map((loss) => Math.abs(Math.log(loss / middle))));
    return Math.max(middle * this.#factor, middle * Math.exp(SIGMAS * sigma), middle + LEAST_RISE);
  }
}
