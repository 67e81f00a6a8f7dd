/** Other people's text (rows, predictions, names) made harmless for Markdown and HTML. Never shown without passing here. */

/** Ends a mention, a reference or a link without being seen. */
const ZERO_WIDTH_SPACE = "\u200b";

/** Control characters but tab and line feed: terminals obey some, browsers drop others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;
/** Reorder the text around them, so that it reads as something else than it is. */
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** A grapheme of more UTF-16 units than this is ornament (an emoji of a family of four has 11). */
const MAX_UNITS_PER_GRAPHEME = 16;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Cuts at a border between graphemes, so that no emoji or accent is torn; a cut is marked with an ellipsis.
 * @param limit graphemes, at least 1
 */
export function capGraphemes(text: string, limit: number): string {
  // No more is looked at: the text may be a row of 50 MB.
  const start = text.slice(0, (limit + 1) * MAX_UNITS_PER_GRAPHEME);
  let [count, end] = [0, 0];
  for (const { index, segment } of segmenter.segment(start)) {
    const next = index + segment.length;
    if (count === limit || next > limit * MAX_UNITS_PER_GRAPHEME) break;
    count++;
    end = next;
  }
  return end === text.length ? text : `${text.slice(0, end)}…`;
}

/** Line ends as line feeds; control and direction characters as their visible names. */
export function clean(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(LONE_SURROGATE, "\ufffd")
    .replace(CONTROL, (character) => `⟨U+${hex(character)}⟩`)
    .replace(BIDI, (character) => `⟨U+${hex(character)}⟩`);
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

const MARKDOWN_RULES: readonly (readonly [what: RegExp, replacement: string])[] = [
  [/&/g, "&amp;"],
  [/</g, "&lt;"],
  [/>/g, "&gt;"],
  [/[\\`*_[\]|~$]/g, "\\$&"],
  // A workflow expression, should the text ever end up in a workflow.
  [/\\\$(?=\{\{)/g, `\\$$${ZERO_WIDTH_SPACE}`],
  [/@(?=[\p{L}\p{N}])/gu, `@${ZERO_WIDTH_SPACE}`],
  [/#(?=\d)/g, `#${ZERO_WIDTH_SPACE}`],
  [/\bGH-(?=\d)/gi, `$&${ZERO_WIDTH_SPACE}`],
  // Addresses become links by themselves.
  [/(\w):\/\//g, `$1:${ZERO_WIDTH_SPACE}//`],
  [/\bwww\./gi, `www${ZERO_WIDTH_SPACE}.`],
  [/\/(issues|pull|discussions)\/(?=\d)/g, `/$1/${ZERO_WIDTH_SPACE}`],
  // Only at the start of a line do these open a heading, a list or a rule.
  [/^(\s*)([-+=#])/, "$1\\$2"],
  [/^(\s*\d+)([.)])/, "$1\\$2"],
  [/\n/g, "<br>"],
  [/\t/g, " "],
];

/**
 * Text as text inside a line or a table cell of GitHub's Markdown: no markup, no HTML, no mention, reference or link, no
 * line break but `<br>`.
 * @param limit graphemes shown
 */
export function escapeMarkdown(text: string, limit = 300): string {
  return MARKDOWN_RULES.reduce(
    (escaped, [what, replacement]) => escaped.replace(what, replacement),
    clean(capGraphemes(text, limit)),
  );
}

/** A name as code where it is a plain one, else as escaped text. */
export function markdownName(name: string): string {
  return /^[\w.:/-]{1,80}$/.test(name) && !name.includes("://") ? `\`${name}\`` : escapeMarkdown(name, 80);
}

const HTML_ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as text in HTML, in elements and in quoted attributes alike. @param limit graphemes shown */
export function escapeHtml(text: string, limit = 300): string {
  return clean(capGraphemes(text, limit)).replace(/[&<>"']/g, (character) => HTML_ENTITIES[character] ?? character);
}
