/** The pretraining text: one document a package, without what other packages have already said. */

import { sentences } from "./description.mjs";
import { draw, shingles, shuffled } from "./shingles.mjs";

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
