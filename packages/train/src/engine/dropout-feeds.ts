import type { Feeds } from "../backends/backend.js";
import type { Dropout } from "../tuners/tuner.js";
import { DropoutMask, dropoutWords } from "./dropout.js";

/** The input that holds a module's flags. */
export const dropoutInput = (module: string): string => `dropout.${module}`;

/** Draws what a pass drops. One buffer, a byte a decision, serves every pass. */
export class DropoutFeeds {
  #buffer = new Uint8Array();

  /** @param seeds [tokens] @returns for each module, [tokens, width] flags; they hold until the next draw */
  draw({ rate, modules }: Dropout, seeds: Int32Array): Feeds {
    const tokens = seeds.length;
    const size = tokens * modules.reduce((sum, { width }) => sum + width, 0);
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
    const mask = new DropoutMask(seeds, rate);
    let [at, stream] = [0, 0];
    return Object.fromEntries(
      modules.map(({ module, width }) => {
        const data = this.#buffer.subarray(at, at + tokens * width);
        mask.fill(data, width, stream);
        at += data.length;
        stream += dropoutWords(width);
        return [dropoutInput(module), { data, shape: [tokens, width] }];
      }),
    );
  }
}
