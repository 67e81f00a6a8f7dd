/** The real rows that the checks draw from (python/texts.py), each one's ids by our own tokenizer. */
import { runPeer } from "./peer.mjs";

/** The number of rows for the token check; the others take a few of them. */
const ROWS = 10_000;

/**
 * @typedef {object} RealRow
 * @property {string} source `datasets`, `translations`, `functions` or `documents`
 * @property {{ role: string, content: string }[]} [messages]
 * @property {string} [text] where it has no messages
 */

/** @returns {Promise<RealRow[]>} made once a run */
export function realRows(context) {
  context.rows ??= runPeer(context.environment, "texts.py", [context.root, String(ROWS)]);
  return context.rows;
}

/** A row's text as a model reads it. */
export const textOf = (tokenizer, { messages, text }) => (messages ? tokenizer.renderChat(messages) : text);

/** Every k-th, so that all sources are among them. */
export function spread(items, count) {
  if (items.length < count) throw new Error(`${items.length} rows, ${count} are needed`);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}
