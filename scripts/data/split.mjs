/**
 * Deals source packages to train, validation and eval, then removes what an eval or validation package shares with
 * the rest. The unit is the *source*: foo, libfoo-dev and foo-doc describe one thing in the same words.
 */
import { draw, shingles, wordRuns } from "./shingles.mjs";

const SALT = "gitune-debian-1";
const EVAL_SHARE = 0.1;
const VALIDATION_SHARE = 0.04;

/** A shingle that this many sources use is a stock phrase ("contains the header files for"), not a copy. */
const STOCK_SOURCES = 30;
/** Two packages are near-duplicates when the shorter shares this much of its own, non-stock shingles. */
export const NEAR_DUPLICATE_OVERLAP = 0.4;
/** Below this many shared shingles, a common name or licence sentence is enough to reach the overlap. */
const LEAST_SHARED = 5;

/** As gitune's contamination check: half of a text's runs of 13 words or more stand elsewhere. */
const RUN_WORDS = 13;
const MOST_SHARED = 0.5;

/** @typedef {"train" | "validation" | "eval"} Part */

/** @param {string} source @returns {Part} */
export function partOf(source) {
  const x = draw(SALT, source);
  return x < EVAL_SHARE ? "eval" : x < EVAL_SHARE + VALIDATION_SHARE ? "validation" : "train";
}

/** @param {import("./apt-lists.mjs").Package} row */
export function fullText(row) {
  return [row.synopsis, ...row.description.flat()].join("\n");
}

/**
 * @param {import("./apt-lists.mjs").Package[]} packages
 * @returns {{ parts: Record<Part, import("./apt-lists.mjs").Package[]>, dropped: { package: string, part: Part, like: string }[],
 *   isStock: (shingle: string) => boolean }}
 */
export function split(packages) {
  const parts = { train: [], validation: [], eval: [] };
  for (const row of packages) parts[partOf(row.source)].push(row);
  const isStock = stockPhrases(packages);
  const dropped = [];
  const dropFrom = (part, guarded) => {
    const index = new NearDuplicateIndex(guarded, isStock);
    parts[part] = parts[part].filter((row) => {
      const like = index.find(row);
      if (like !== undefined) dropped.push({ package: row.package, part, like });
      return like === undefined;
    });
  };
  dropFrom("validation", parts.eval);
  dropFrom("train", [...parts.eval, ...parts.validation]);
  return { parts, dropped, isStock };
}

/** @returns {(shingle: string) => boolean} */
export function stockPhrases(packages) {
  const sources = new Map(); // shingle -> how many sources have it; packages of a source stand together below
  const last = new Map();
  for (const row of [...packages].sort((a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : 0))) {
    for (const shingle of shingles(fullText(row))) {
      if (last.get(shingle) === row.source) continue;
      last.set(shingle, row.source);
      sources.set(shingle, (sources.get(shingle) ?? 0) + 1);
    }
  }
  const stock = new Set([...sources].filter(([, count]) => count >= STOCK_SOURCES).map(([shingle]) => shingle));
  return (shingle) => stock.has(shingle);
}

/**
 * Finds what the near-duplicate rule lets pass: texts of stock phrases only, as families of packages share them.
 * @param {readonly string[]} texts the training side
 * @param {readonly string[]} asked all texts that will be asked about
 * @returns {(text: string) => boolean}
 */
export function copiedFrom(texts, asked) {
  const wanted = new Set(asked.flatMap((text) => wordRuns(text, RUN_WORDS)));
  const found = new Set();
  for (const text of texts) for (const run of wordRuns(text, RUN_WORDS)) if (wanted.has(run)) found.add(run);
  return (text) => {
    const own = wordRuns(text, RUN_WORDS);
    return own.length > 0 && own.filter((run) => found.has(run)).length >= MOST_SHARED * own.length;
  };
}

/** Exact overlap through an inverted index: the guarded side is small, so MinHash would only add error. */
export class NearDuplicateIndex {
  #postings = new Map();
  #sizes = [];
  #names = [];
  #isStock;

  constructor(rows, isStock) {
    this.#isStock = isStock;
    for (const row of rows) this.add(row);
  }

  add(row) {
    const own = this.#own(row);
    const id = this.#names.push(row.package) - 1;
    this.#sizes.push(own.length);
    for (const shingle of own) {
      const list = this.#postings.get(shingle);
      if (list === undefined) this.#postings.set(shingle, [id]);
      else list.push(id);
    }
  }

  /** @returns {string | undefined} the package that this row repeats most */
  find(row) {
    const own = this.#own(row);
    const shared = new Map();
    for (const shingle of own) {
      for (const id of this.#postings.get(shingle) ?? []) shared.set(id, (shared.get(id) ?? 0) + 1);
    }
    let best;
    let most = NEAR_DUPLICATE_OVERLAP;
    for (const [id, count] of shared) {
      const shorter = Math.min(own.length, this.#sizes[id]);
      if (count < Math.min(LEAST_SHARED, shorter) || count / shorter < most) continue;
      most = count / shorter;
      best = this.#names[id];
    }
    return best;
  }

  #own(row) {
    return [...shingles(fullText(row))].filter((shingle) => !this.#isStock(shingle));
  }
}
