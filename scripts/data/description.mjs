/** Debian's extended descriptions as prose: wrapped lines joined, list items one a line. */

const ITEM = /^(?:[*+•·‣–-]|o(?= ))\s*(?=\S)/u;

/**
 * Undoes the layout of Debian policy §5.6.13: lines are wrapped at 80 columns, ` .` is a blank line, and deeper
 * indentation means "as it stands", which is used for lists and code.
 * @param {string} folded the field's continuation lines, each with its leading space
 * @returns {string[][]} paragraphs; each is a list of lines (one line for prose, one an item for a list)
 */
export function unfold(folded) {
  const paragraphs = [];
  let lines = [];
  let item = false; // the last line is a list item, so a deeper line goes on with it
  for (const raw of folded.split("\n")) {
    const line = raw.slice(1).trimEnd();
    if (line === "." || line === "") {
      if (lines.length > 0) paragraphs.push(lines);
      lines = [];
      item = false;
      continue;
    }
    const text = line.trim();
    const indented = line.startsWith(" ");
    if (ITEM.test(text)) {
      lines.push(`- ${text.replace(ITEM, "")}`);
      item = true;
    } else if (lines.length > 0 && (item || !indented)) {
      lines.push(`${lines.pop()} ${text}`);
    } else {
      lines.push(text);
    }
  }
  if (lines.length > 0) paragraphs.push(lines);
  return paragraphs
    .map((paragraph) => paragraph.map(tidy).filter((line) => line !== "" && line !== "-"))
    .filter((paragraph) => paragraph.length > 0);
}

/** One space between words, no control characters, composed Unicode. */
export function tidy(text) {
  return text
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim();
}

/** Splits prose where a sentence ends; "e.g." and initials do not end one. */
export function sentences(text) {
  const parts = [];
  let start = 0;
  for (const { index, 0: end } of text.matchAll(/[.!?][)"']?\s+(?=[A-Z0-9"'(])/gu)) {
    const before = text.slice(start, index + 1);
    if (/(?:\b(?:e\.g|i\.e|etc|vs|cf|Dr|Mr|St|Inc|No|al)|\b[A-Za-z])\.$/u.test(before)) continue;
    parts.push(text.slice(start, index + end.length).trim());
    start = index + end.length;
  }
  if (start < text.length) parts.push(text.slice(start).trim());
  return parts;
}
