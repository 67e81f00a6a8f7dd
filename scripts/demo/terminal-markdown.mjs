/** Shows a pull-request comment (GitHub's Markdown with a little HTML) as text that reads well in a terminal. */

/**
 * @param {string} markdown
 * @param {{ color: boolean }} options
 * @returns {string}
 */
export function terminalMarkdown(markdown, { color }) {
  const bold = (text) => (color ? `\x1b[1m${text}\x1b[22m` : text);
  const dim = (text) => (color ? `\x1b[2m${text}\x1b[22m` : text);
  const inline = (text) =>
    text
      .replace(/<br\s*\/?>/g, " ")
      .replace(/<\/?[a-z][^>]*>/gi, "")
      .replace(/\*\*(.+?)\*\*/g, (_, inner) => bold(inner))
      .replace(/!?\[([^\]]*)\]\(([^)]*)\)/g, (_, label, url) => (url.startsWith("#") ? label : `${label} (${url})`))
      .replace(/\\([!-/:-@[-`{-~])/g, "$1")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&#124;", "|")
      .replaceAll("&amp;", "&");

  const lines = markdown.replace(/<!--[\s\S]*?-->\n?/g, "").split("\n");
  const out = [];
  let fenced = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (/^\s*(```|~~~)/.test(line)) {
      fenced = !fenced;
      continue;
    }
    if (fenced) {
      out.push(`    ${line}`);
      continue;
    }
    if (/^\s*\|/.test(line)) {
      let end = i;
      while (end < lines.length && /^\s*\|/.test(lines[end])) end++;
      out.push(
        ...table(
          lines.slice(i, end).map((row) => cells(row).map((cell) => shorten(inline(cell)))),
          bold,
          dim,
        ),
      );
      i = end - 1;
      continue;
    }
    const summary = /<summary>(.*?)<\/summary>/.exec(line);
    if (summary) {
      out.push(`▸ ${bold(inline(summary[1]))}`);
      continue;
    }
    if (/^\s*<\/?(details|div|p|sub|picture|table|thead|tbody)[^>]*>\s*$/.test(line)) continue;
    // GitHub's alerts: the sentence says it without the label.
    if (/^>\s*\[![A-Z]+\]\s*$/.test(line)) continue;
    const quote = /^>\s?(.*)$/.exec(line);
    if (quote) {
      out.push(`┃ ${inline(quote[1])}`);
      continue;
    }
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    out.push(heading ? bold(inline(heading[1])) : inline(line));
  }
  return `${out
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim()}\n`;
}

/** Splits a table row at its unescaped bars. */
function cells(row) {
  return row
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** What a row holds may be long; the report has all of it. */
const MAX_CELL_CHARS = 72;

function shorten(cell) {
  return cell.length > MAX_CELL_CHARS && !cell.includes("\x1b") ? `${cell.slice(0, MAX_CELL_CHARS - 1)}…` : cell;
}

function table(rows, bold, dim) {
  const body = rows.filter((row) => !row.every((cell) => /^:?-+:?$/.test(cell)));
  const widths = [];
  for (const row of body)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, width(cell));
    });
  return body.flatMap((row, index) => {
    const text = row
      .map((cell, at) => cell + " ".repeat(widths[at] - width(cell)))
      .join("  ")
      .trimEnd();
    if (index > 0) return [`  ${text}`];
    return [`  ${bold(text)}`, dim(`  ${widths.map((n) => "─".repeat(n)).join("  ")}`)];
  });
}

/** Columns on a terminal: escapes take none, emoji take two. */
function width(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is being left out
  const plain = text.replace(/\x1b\[\d+m/g, "");
  let columns = 0;
  for (const character of plain)
    columns += /\p{Emoji_Presentation}/u.test(character) ? 2 : character === "\ufe0f" ? 0 : 1;
  return columns;
}
