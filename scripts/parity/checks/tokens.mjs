/** 10,000 real rows: the chat template's text, the ids, and where each token stands, as transformers has them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runPeer } from "../peer.mjs";
import { realRows } from "../rows.mjs";

const SHOWN = 3;

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function tokens(context) {
  const { environment, say } = context;
  const { modelRoot, hf } = environment;
  const rows = await realRows(context);
  const lines = (function* () {
    for (const row of rows) yield `${JSON.stringify(row)}\n`;
  })();
  const theirs = await runPeer(environment, "tokens.py", [join(modelRoot, hf)], { input: lines });
  const { tokenizer } = await context.openBase(hf);
  const tokenBytes = readTokenBytes(join(modelRoot, hf, "tokenizer.json"));

  const differing = { text: 0, ids: 0, offsets: 0, decoded: 0 };
  let total = 0;
  for (const [i, row] of rows.entries()) {
    const expected = theirs[i];
    const text = row.messages ? tokenizer.renderChat(row.messages) : row.text;
    const prompt = row.messages ? tokenizer.renderChat(row.messages.slice(0, -1), { addGenerationPrompt: true }) : null;
    const ids = tokenizer.encode(text);
    total += ids.length;
    const differs = {
      text: text !== expected.text || prompt !== expected.prompt,
      ids: ids.join() !== expected.ids.join(),
      offsets: offsetsOf(ids, tokenBytes).join() !== expected.offsets.join(),
      decoded: tokenizer.decode(ids, { skipSpecialTokens: false }) !== text,
    };
    for (const [kind, isDifferent] of Object.entries(differs)) {
      if (isDifferent && ++differing[kind] <= SHOWN)
        say(`  ${kind} of row ${i} differ: ${JSON.stringify(text).slice(0, 200)}`);
    }
  }
  return [
    { what: "rows", value: rows.length, atLeast: 10_000 },
    { what: "tokens", value: total },
    {
      what: "rows whose rendered text differs (chat template, with and without prompt)",
      value: differing.text,
      atMost: 0,
    },
    { what: "rows whose ids differ", value: differing.ids, atMost: 0 },
    { what: "rows whose tokens stand elsewhere (offsets in characters)", value: differing.offsets, atMost: 0 },
    { what: "rows that do not decode to themselves", value: differing.decoded, atMost: 0 },
  ];
}

/**
 * Where tokens stand, in code points, flat: start, end, start, end … Our tokenizer gives no offsets, so they are counted
 * from the bytes that each token stands for; a token that has a part of a character only spans all of it, as in the
 * reference.
 */
function offsetsOf(ids, tokenBytes) {
  const offsets = [];
  /** Characters that have begun. */
  let chars = 0;
  for (const id of ids) {
    const bytes = tokenBytes[id];
    // A first byte that goes on with a character stands in the last one that began.
    const start = isContinuation(bytes[0]) ? chars - 1 : chars;
    for (const byte of bytes) if (!isContinuation(byte)) chars++;
    offsets.push(start, chars);
  }
  return offsets;
}

const isContinuation = (byte) => (byte & 0xc0) === 0x80;

/** @returns {Uint8Array[]} by id: the bytes that a token of a byte-level vocabulary stands for */
function readTokenBytes(file) {
  const { model, added_tokens: added } = JSON.parse(readFileSync(file, "utf8"));
  const byteOf = byteLevelAlphabet();
  const out = [];
  for (const [token, id] of Object.entries(model.vocab)) out[id] = Uint8Array.from(token, (char) => byteOf.get(char));
  for (const { content, id } of added) out[id] = Buffer.from(content);
  return out;
}

/** GPT-2's spelling of bytes: printable ones stand for themselves, the others for characters from U+0100 on. */
function byteLevelAlphabet() {
  const isPrintable = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(isPrintable(byte) ? byte : next++), byte]),
  );
}
