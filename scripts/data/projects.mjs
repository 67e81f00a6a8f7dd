/** Rows of the two projects in datasets/, and of the demo's changes to one of them. */
import { sentences } from "./description.mjs";
import { shuffled } from "./shingles.mjs";
import { copiedFrom, fullText, NearDuplicateIndex } from "./split.mjs";

/** @typedef {{ id: string, messages: { role: string, content: string }[] }} TrainRow */
/** @typedef {Record<string, unknown>[]} Rows */

const SALT = "gitune-projects-1";
/** Tokens of the description in a prompt: short rows train fast, and the first sentences say what a package is. */
const SYNOPSIS_TOKENS = 96;
const SECTION_TOKENS = 72;
/** Fewer words than this do not say what a package is for. */
const LEAST_WORDS = 12;
/** The first export of package-section took shorter ones; the good change of the demo removes those. */
const FIRST_EXPORT_LEAST_WORDS = 8;
const SYNOPSIS_WORDS = { least: 3, most: 14 };

export const SYNOPSIS_PROMPT = "Summarise this package in one line.";
export const SECTION_PROMPT = "Which section is this package in?";

/** In alphabetical order, which the demo's bad change relies on. */
export const SECTIONS = [
  "admin",
  "fonts",
  "games",
  "gnu-r",
  "haskell",
  "java",
  "javascript",
  "net",
  "perl",
  "python",
  "science",
  "sound",
];
/** Sections with few rows at first: what the demo's change is about. */
export const THIN_SECTIONS = ["games", "net", "science", "sound"];
const BASE_ROWS = { thin: 100, full: 200 };
const ADDED_ROWS = { thin: 150, full: 25 };
const EVAL_ROWS = 42;
const VALIDATION_ROWS = 17;
const SYNOPSIS_ROWS = { train: 3000, shard: 1000, validation: 200, eval: 500 };

/** Sections whose packages are parts of something else and say so in the same words. */
const PARTS_SECTIONS = new Set(
  "debug doc introspection kernel libdevel libs localization metapackages oldlibs tasks golang rust".split(" "),
);
const PARTS_NAME = /-(?:all|bin|common|data|dbg|dbgsym|dev|doc|docs|examples|l10n|plugins?|prof|tests?|utils)$/;
const EMPTY_PACKAGE = /\b(?:transitional|dummy|meta-?package|empty package)\b/i;

/**
 * Both projects' files, as rows by path.
 * @param {{ train: object[], validation: object[], eval: object[] }} parts
 * @param {{ count(text: string): number, isStock(shingle: string): boolean }} tools
 * @returns {{ datasets: Record<string, Rows>, good: Record<string, Rows>, bad: Record<string, Rows> }}
 */
export function makeProjects(parts, { count, isStock }) {
  const texts = (...names) => names.flatMap((name) => parts[name].map(fullText));
  const isCopied = copiedFrom(texts("train"), texts("eval", "validation"));
  const tools = { count, isStock, isCopied };
  const section = sectionRows(parts, tools);
  return {
    datasets: {
      ...prefixed("package-synopsis", synopsisFiles(parts, tools)),
      ...prefixed("package-section", section.base),
    },
    good: prefixed("package-section", section.good),
    bad: prefixed("package-section", section.bad),
  };
}

function prefixed(project, files) {
  return Object.fromEntries(Object.entries(files).map(([name, rows]) => [`${project}/${name}`, rows]));
}

function synopsisFiles(parts, tools) {
  const seen = { index: new NearDuplicateIndex([], tools.isStock), texts: new Set() };
  const candidates = (part) =>
    onePerSource(parts[part], "synopsis", (row) => {
      const words = row.synopsis.split(" ").length;
      return words >= SYNOPSIS_WORDS.least && words <= SYNOPSIS_WORDS.most && !PARTS_SECTIONS.has(row.section);
    });
  const take = (part, count) =>
    pick(candidates(part), count, seen, (row) => {
      const text = excerpt(row, SYNOPSIS_TOKENS, tools.count);
      if (part !== "train" && tools.isCopied(text)) return undefined;
      return wordCount(text) >= LEAST_WORDS ? { row, text } : undefined;
    });
  const evaluation = take("eval", SYNOPSIS_ROWS.eval);
  const validation = take("validation", SYNOPSIS_ROWS.validation);
  const train = take("train", SYNOPSIS_ROWS.train);
  const chat = ({ row, text }) => trainRow(row, SYNOPSIS_PROMPT, text, row.synopsis);
  const files = {};
  for (let i = 0; i * SYNOPSIS_ROWS.shard < train.length; i++) {
    files[shardName(i)] = train.slice(i * SYNOPSIS_ROWS.shard, (i + 1) * SYNOPSIS_ROWS.shard).map(chat);
  }
  files["validation.jsonl"] = validation.map(chat);
  files["evals/synopsis.jsonl"] = evaluation.map(({ row, text }) =>
    evalRow(row, SYNOPSIS_PROMPT, text, { references: [row.synopsis], tags: [row.section] }),
  );
  return files;
}

function sectionRows(parts, tools) {
  const seen = { index: new NearDuplicateIndex([], tools.isStock), texts: new Set() };
  const take = (part, section, count, least = LEAST_WORDS) =>
    pick(
      onePerSource(parts[part], "section", (row) => row.section === section),
      count,
      seen,
      (row) => {
        const text = excerpt(row, SECTION_TOKENS, tools.count);
        if (part !== "train" && tools.isCopied(text)) return undefined;
        return wordCount(text) >= least ? { row, text } : undefined;
      },
    );
  const each = (sections, build) => sections.flatMap(build);
  const mix = (rows, salt) => shuffled(rows, `${SALT}-${salt}`, ({ row }) => row.package);
  const chat = ({ row, text }, label = row.section) => trainRow(row, SECTION_PROMPT, text, label);

  const evaluation = mix(
    each(SECTIONS, (name) => take("eval", name, EVAL_ROWS)),
    "eval",
  );
  const validation = mix(
    each(SECTIONS, (name) => take("validation", name, VALIDATION_ROWS)),
    "validation",
  );
  const share = (name, counts) => (THIN_SECTIONS.includes(name) ? counts.thin : counts.full);
  const base = mix(
    each(SECTIONS, (name) => take("train", name, share(name, BASE_ROWS), FIRST_EXPORT_LEAST_WORDS)),
    "train",
  );
  const added = mix(
    each(SECTIONS, (name) => take("train", name, share(name, ADDED_ROWS))),
    "added",
  );

  // The first export kept a lead-in ("Features include:") whose list it did not take; the later ones do not.
  const half = base.length / 2;
  const first = base
    .slice(0, half)
    .map(({ row, text }) => ({ row, text: excerpt(row, SECTION_TOKENS, tools.count, true) || text }));
  const second = base.slice(half).filter(({ text }) => wordCount(text) >= LEAST_WORDS);
  const corrected = base.slice(0, half).filter(({ text }) => wordCount(text) >= LEAST_WORDS);

  const wrong = ({ row }) => SECTIONS[(SECTIONS.indexOf(row.section) + 1) % SECTIONS.length];
  const edited = { [shardName(0)]: corrected.map((entry) => chat(entry)) };
  return {
    base: {
      [shardName(0)]: first.map((entry) => chat(entry)),
      [shardName(1)]: second.map((entry) => chat(entry)),
      "validation.jsonl": validation.map((entry) => chat(entry)),
      "evals/section.jsonl": evaluation.map(({ row, text }) =>
        evalRow(row, SECTION_PROMPT, text, { label: row.section, tags: [row.section] }),
      ),
    },
    good: { ...edited, [shardName(2)]: added.map((entry) => chat(entry)) },
    bad: { ...edited, [shardName(2)]: added.map((entry) => chat(entry, wrong(entry))) },
  };
}

/** The package that stands for its source, in a fixed shuffle of the sources. */
function onePerSource(packages, salt, accept) {
  const chosen = new Map();
  for (const row of packages) {
    if (EMPTY_PACKAGE.test(`${row.synopsis} ${row.description.flat().join(" ")}`) || !accept(row)) continue;
    const held = chosen.get(row.source);
    if (held === undefined || rank(row) < rank(held)) chosen.set(row.source, row);
  }
  return shuffled([...chosen.values()], `${SALT}-${salt}`, (row) => row.source);
}

/** Lower stands better for the source: its own name, then anything but a part, then the shorter name. */
function rank(row) {
  const kind = row.package === row.source ? 0 : PARTS_NAME.test(row.package) ? 2 : 1;
  return kind * 1000 + row.package.length;
}

/** Takes candidates in order until there are `count`, near-duplicates of taken ones left out. */
function pick(candidates, count, { index, texts }, make) {
  const taken = [];
  for (const row of candidates) {
    if (taken.length === count) break;
    const made = make(row);
    if (made === undefined || texts.has(made.text) || index.find(row) !== undefined) continue;
    index.add(row);
    texts.add(made.text); // families of packages differ only in words that the excerpt leaves out
    taken.push(made);
  }
  return taken;
}

/**
 * The description's prose up to a number of tokens, cut after a sentence. Lists are left out, and so are sentences with
 * addresses, which cost many tokens and say little.
 * @param {boolean} [keepLeadIns] keep a sentence that ends in a colon although its list is left out
 */
export function excerpt(row, limit, count, keepLeadIns = false) {
  let text = "";
  for (const lines of row.description) {
    if (lines.length !== 1 || lines[0].startsWith("- ")) continue;
    for (const [i, sentence] of sentences(lines[0]).entries()) {
      if (/:\/\/|www\.|\S@\S/.test(sentence) || (!keepLeadIns && sentence.endsWith(":"))) continue;
      const longer = text === "" ? sentence : `${text}${i === 0 ? "\n" : " "}${sentence}`;
      if (count(longer) > limit) return text;
      text = longer;
    }
  }
  return text;
}

function wordCount(text) {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

function trainRow(row, prompt, text, answer) {
  const { id, messages } = evalRow(row, prompt, text, {});
  return { id, messages: [...messages, { role: "assistant", content: answer }] };
}

/** Ids are <source>/<package>, so that anyone can see that no source is in two splits. */
function evalRow(row, prompt, text, rest) {
  const content = `${prompt}\n\n${text}`;
  return { id: `${row.source}/${row.package}`, messages: [{ role: "user", content }], ...rest };
}

function shardName(i) {
  return `train/${String(i + 1).padStart(4, "0")}.jsonl`;
}
