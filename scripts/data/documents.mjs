/** The pretraining text: one document a package, without what other packages have already said. */

import { sentences } from "./description.mjs";
import { draw, shingles, shuffled } from "./shingles.mjs";

export const END_OF_TEXT = "<|endoftext|>";
const SALT = "gitune-documents-1";
/** Above this many uses, a run of four words is boilerplate that the model has seen often enough. */
const ENOUGH_USES = 20;
/** A paragraph stays when at least this share of it is new. */
const LEAST_NEW = 0.5;
/** Documents told as a conversation, so that the template's tokens are trained. */
const CHAT_SHARE = 0.12;
const CHAT_WORDS = { least: 8, most: 90 };

/**
 * @typedef {object} Document
 * @property {string} package
 * @property {string} text plain text, or a conversation in the chat template's form
 * @property {boolean} chat
 * @property {string} plain the words alone, for the tokenizer's training
 */

/**
 * The order is a fixed shuffle of the sources.
 * @param {import("./apt-lists.mjs").Package[]} packages
 * @returns {Document[]}
 */
export function makeDocuments(packages) {
  const bySource = new Map();
  for (const row of packages) bySource.set(row.source, [...(bySource.get(row.source) ?? []), row]);
  const uses = new Map();
  const documents = [];
  for (const source of shuffled([...bySource.keys()], SALT, (name) => name)) {
    const here = new Set();
    // The package that the others are parts of comes first: foo before foo-data and libfoo-dev.
    const rows = bySource
      .get(source)
      .sort((a, b) => a.package.length - b.package.length || (a.package < b.package ? -1 : 1));
    for (const row of rows) {
      const paragraphs = row.description.filter((lines) => takeIfNew(lines.join("\n"), uses, here));
      if (paragraphs.length > 0) documents.push(toDocument(row, paragraphs));
    }
  }
  return documents;
}

/** Counts the paragraph's shingles when it is new enough: to this source at all, to the corpus as boilerplate. */
function takeIfNew(paragraph, uses, here) {
  const own = [...shingles(paragraph)];
  const fresh = own.filter((shingle) => !here.has(shingle) && (uses.get(shingle) ?? 0) < ENOUGH_USES);
  if (own.length === 0 || fresh.length / own.length < LEAST_NEW) return false;
  for (const shingle of own) {
    here.add(shingle);
    uses.set(shingle, (uses.get(shingle) ?? 0) + 1);
  }
  return true;
}

function toDocument(row, paragraphs) {
  const body = paragraphs.map((lines) => lines.join("\n"));
  const plain = [row.synopsis, ...body].join("\n\n");
  const chat = draw(`${SALT}-chat`, row.package) < CHAT_SHARE ? conversation(row, paragraphs) : undefined;
  return { package: row.package, text: chat ?? plain, chat: chat !== undefined, plain };
}

/** Either "what is it?" or "go on": neither is what the projects in datasets/ ask. */
function conversation(row, paragraphs) {
  const prose = paragraphs[0].length === 1 ? sentences(paragraphs[0][0]) : [];
  const ask = draw(`${SALT}-ask`, row.package) < 0.5;
  if (prose.length < (ask ? 1 : 2)) return undefined;
  const [user, assistant] = ask
    ? [`What is ${row.package}?`, prose.slice(0, 2).join(" ")]
    : [prose[0], prose.slice(1).join(" ")];
  const words = `${user} ${assistant}`.split(" ").length;
  if (words < CHAT_WORDS.least || words > CHAT_WORDS.most) return undefined;
  return `<|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n${assistant}<|im_end|>\n`;
}

/**
 * Fills rows with documents, `<|endoftext|>` between them, so that hardly a token is padding. A document that does
 * not fit goes on in the next row, cut between sentences or lines; a conversation is never cut.
 * @param {Document[]} documents
 * @param {number} limit tokens a row, its own end-of-text (which training appends) not counted
 * @param {(text: string) => number} countTokens
 * @returns {{ text: string }[]}
 */
export function packRows(documents, limit, countTokens) {
  const rows = [];
  let pieces = [];
  let tokens = 0;
  const flush = () => {
    if (pieces.at(-1) === END_OF_TEXT) pieces.pop(); // training appends one to each row
    if (pieces.length > 0) rows.push({ text: pieces.join("") });
    pieces = [];
    tokens = 0;
  };
  const put = (piece) => {
    // White space starts a word's token, so counts of pieces add up to the count of the joined text.
    const count = countTokens(piece);
    if (tokens + count > limit) flush();
    const first = pieces.length === 0 ? piece.trimStart() : piece;
    pieces.push(first);
    tokens += first === piece ? count : countTokens(first);
  };
  for (const document of documents) {
    for (const segment of document.chat ? [document.text] : cuttable(document.text)) {
      for (const piece of fit(segment, limit - 2, countTokens)) put(piece);
    }
    if (tokens + 1 > limit) flush();
    else put(END_OF_TEXT);
  }
  flush();
  return rows;
}

/** Sentences and lines, each with the white space before it, so that joined they are the text again. */
function cuttable(text) {
  const found = [];
  for (const { 0: gap, 1: line } of text.matchAll(/\n*([^\n]+)/g)) {
    const lead = gap.slice(0, gap.length - line.length);
    found.push(...sentences(line).map((sentence, i) => (i === 0 ? lead : " ") + sentence));
  }
  return found;
}

/** A sentence longer than a row is cut between words; the limit leaves room for a first word without its space. */
function fit(segment, limit, countTokens) {
  if (countTokens(segment) <= limit) return [segment];
  const pieces = [];
  let piece = "";
  for (const word of segment.split(/(?= )/)) {
    if (piece !== "" && countTokens(piece + word) > limit) {
      pieces.push(piece);
      piece = "";
    }
    piece += word;
  }
  return [...pieces, piece].filter((part) => countTokens(part) <= limit);
}
