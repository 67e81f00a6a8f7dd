import { createScorer } from "../../packages/train/dist/scorer.js";
import { runPeer } from "./peer.mjs";

/**
 * Our logits of some rows against the peer's (python/logits.py). They go through a pipe, row by row, since all of them are
 * gigabytes.
 * @param {import("./environment.mjs").Environment} environment
 * @param {object} options
 * @param {import("../../packages/train/dist/base.js").Base} options.base ours
 * @param {string | null} [options.adapter] ours: an adapter's folder, or a model's
 * @param {readonly (readonly number[])[]} options.rows token ids
 * @param {string} options.model the peer's: a model's folder, or an adapter's
 * @param {readonly string[]} [options.flags] of python/logits.py
 * @param {boolean} [options.oldest] runs the peer with the oldest PEFT
 * @returns {Promise<{ relative: number, sameArgmax: number, positions: number }>}
 */
export async function compareLogits(environment, { base, adapter = null, rows, model, flags = [], oldest = false }) {
  const scorer = await createScorer({ base, adapter });
  try {
    const frames = async function* () {
      yield `${JSON.stringify(rows)}\n`;
      for (const row of rows) {
        const logits = await scorer.logits(Int32Array.from(row));
        yield new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
      }
    };
    const options = { input: frames(), cwd: environment.modelRoot, oldest };
    const [found] = await runPeer(environment, "logits.py", [model, ...flags], options);
    // JSON has no NaN; Python writes one all the same, and JSON.parse would have refused it.
    return found;
  } finally {
    await scorer.close();
  }
}
