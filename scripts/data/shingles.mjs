/** Word shingles: how much two texts share, whatever their order and layout. */
import { createHash } from "node:crypto";

const WORDS = 4; // shorter ones collide on stock phrases, longer ones miss a reworded sentence

/** @param {string} text @returns {Set<string>} runs of four words, case and punctuation dropped */
export function shingles(text) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const found = new Set();
  if (words.length < WORDS) {
    if (words.length > 0) found.add(words.join(" "));
    return found;
  }
  for (let i = 0; i + WORDS <= words.length; i++) found.add(words.slice(i, i + WORDS).join(" "));
  return found;
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
