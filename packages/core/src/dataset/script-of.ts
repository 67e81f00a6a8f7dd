/** Which script a text is in. Scripts are told for sure, languages are not: a short English row is good Dutch, too. */

/** Common ones first: a text is rarely in more than one. A Japanese text mixes three scripts, so those are one here. */
const SCRIPTS: readonly (readonly [name: string, parts: readonly string[]])[] = [
  ["Latin", ["Latin"]],
  ["Han and kana", ["Han", "Hiragana", "Katakana", "Bopomofo"]],
  ...[
    "Cyrillic",
    "Arabic",
    "Devanagari",
    "Hangul",
    "Greek",
    "Hebrew",
    "Thai",
    "Bengali",
    "Tamil",
    "Telugu",
    "Kannada",
    "Malayalam",
    "Gujarati",
    "Gurmukhi",
    "Sinhala",
    "Khmer",
    "Lao",
    "Myanmar",
    "Georgian",
    "Armenian",
    "Ethiopic",
  ].map((name) => [name, [name]] as const),
];
/** Letters alone: in Indic scripts vowels are marks, which would count a word twice. */
const PATTERNS = SCRIPTS.map(
  ([name, parts]) =>
    [name, new RegExp(`(?=\\p{L})[${parts.map((part) => `\\p{Script=${part}}`).join("")}]`, "gu")] as const,
);
/** The start of a text tells its script as well as all of it. */
const MAX_CHARS = 10_000;

/** @returns the script that most of the text's letters are of; `none` without letters, `other` for one not listed */
export function scriptOf(text: string): string {
  const start = text.slice(0, MAX_CHARS);
  const letters = count(start, /\p{L}/gu);
  if (letters === 0) return "none";
  let most = { name: "other", letters: 0 };
  let unknown = letters;
  for (const [name, pattern] of PATTERNS) {
    const own = count(start, pattern);
    if (own > most.letters) most = { name, letters: own };
    unknown -= own;
    if (most.letters > unknown) break;
  }
  return most.letters >= unknown ? most.name : "other";
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
