/** Word shingles: how much two texts share, whatever their order and layout. */
import { createHash } from "node:crypto";

const SHINGLE_WORDS = 4; // shorter ones collide on stock phrases, longer ones miss a reworded sentence

/** @param {string} text @param {number} length @returns {string[]} runs of words, case and punctuation dropped */
export function wordRuns(text, length) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return Array.from({ length: Math.max(0, words.length - length + 1) }, (_, i) => words.slice(i, i + length).join(" "));
}

/** @param {string} text @returns {Set<string>} runs of four words; the whole text where it is shorter */
export function shingles(text) {
  const runs = wordRuns(text, SHINGLE_WORDS);
  if (runs.length > 0) return new Set(runs);
  const words = wordRuns(text, 1);
  return new Set(words.length > 0 ? [words.join(" ")] : []);
}

/** A number in [0, 1) that depends on the text only: the same draw on every machine and in every run. */
export function draw(salt, text) {
  return createHash("sha256").update(`${salt}\0${text}`).digest().readUInt32BE(0) / 2 ** 32;
}

/** A copy in an order that depends only on the salt and the keys, never on the input's order. */
export function shuffled(items, salt, key) {
  return items
    .map((item) => ({
      item,
      order: createHash("sha256")
        .update(`${salt}\0${key(item)}`)
        .digest("hex"),
    }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ item }) => item);
}
