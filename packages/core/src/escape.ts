/** Text from rows and configs, made harmless for where it is shown. */

/**
 * Wider than C0 and C1: the direction marks that make text read otherwise than it is stored (CVE-2021-42574), what ends
 * a line without being a line feed, and what is not seen at all: zero-width spaces and the tag letters, by which a text
 * says to a model what no reviewer reads. The joiners (U+200C, U+200D) stay: Persian, Hindi and emoji are spelled with
 * them.
 */
const CONTROLS = /[\p{Cc}\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/**
 * Part of a line for a terminal or a log: control characters, escape sequences included, become visible `\u…` codes, and
 * `##[`, which GitHub's runner obeys wherever it stands in what a step prints, is broken.
 */
export function printable(text: string): string {
  return text.replace(CONTROLS, codeOf).replaceAll("##[", "##\\[");
}

/** As `printable`, for what a line begins with: after leading spaces the runner obeys `::`, too. */
export function printableLine(text: string): string {
  return printable(text).replace(/^(\s*)::/, "$1\\::");
}

/** As `printableLine`, line by line. */
export function printableText(text: string): string {
  return text
    .split(/\r\n|[\r\n]/)
    .map(printableLine)
    .join("\n");
}

/** JSON for a log: the same value without `##[`, which can only stand inside of a string there. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll("##[", "#\\u0023[");
}

function codeOf(char: string): string {
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  const code = (char.codePointAt(0) ?? 0).toString(16);
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Text of unknown origin for GitHub's Markdown, on one line, also inside a table: no markup, no HTML, no table cell, no
 * mention, no issue reference, no link and no workflow expression comes out of it.
 * A zero-width space breaks what a backslash cannot: GitHub looks for mentions after Markdown has been rendered.
 */
export function escapeMarkdown(text: string): string {
  return (
    text
      .replace(/\r\n?|\n/g, "\u23ce")
      .replace(CONTROLS, (char) => (char === "\t" ? " " : codeOf(char)))
      .replace(/[\\`*_{}[\]#|~$]/g, "\\$&")
      // Lists, headings and rulers start a line.
      .replace(/^(\s*)([-+=]|\d+(?=[.)]))/, "$1\u200b$2")
      .replace(/[&<>]/g, (char) => ENTITIES[char] ?? "")
      .replace(/@(?=[\p{L}\p{N}_-])/gu, "@\u200b")
      .replace(/#(?=\d)/g, "#\u200b")
      .replace(/\bGH-(?=\d)/gi, "GH-\u200b")
      .replace(/:\/\//g, ":\u200b//")
      .replace(/\bwww\./gi, "www\u200b.")
      .replace(/\$(?=\\\{\\\{)/g, "$\u200b")
  );
}

/** Text of unknown origin inside an HTML element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
