/** Text from rows and configs, made harmless for where it is shown. */

/** Wider than C0 and C1: the direction marks that make text read otherwise than it is stored (CVE-2021-42574). */
const CONTROLS = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line for a terminal: control characters, escape sequences included, become visible `\u…` codes. */
export function printable(text: string): string {
  return text.replace(CONTROLS, codeOf);
}

function codeOf(char: string): string {
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
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
