/** Other people's text (rows, predictions, names) made harmless for Markdown and HTML. Never shown without passing here. */

import { escapeHtml as escapeHtmlText, escapeMarkdown as escapeLine } from "@gitune/core";

/** Ends a reference without being seen. */
const ZERO_WIDTH_SPACE = "\u200b";
/** What is left of an address of an issue is still a reference to it. */
const REFERENCE_PATH = /\/(issues|pull|discussions)\/(?=\d)/g;

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

/**
 * Text as text inside a line or a table cell of GitHub's Markdown: core's rules for a line, `<br>` between lines.
 * @param limit graphemes shown
 */
export function escapeMarkdown(text: string, limit = 300): string {
  return clean(capGraphemes(text, limit))
    .split("\n")
    .map((line) => escapeLine(line).replace(REFERENCE_PATH, `/$1/${ZERO_WIDTH_SPACE}`))
    .join("<br>");
}

/** A name as code where it is a plain one, else as escaped text. */
export function markdownName(name: string): string {
  return /^[\w.:/-]{1,80}$/.test(name) && !name.includes("://") ? `\`${name}\`` : escapeMarkdown(name, 80);
}

/** Text as text in HTML, in elements and in quoted attributes alike. @param limit graphemes shown */
export function escapeHtml(text: string, limit = 300): string {
  return escapeHtmlText(clean(capGraphemes(text, limit)));
}
