/** Fits a report into a size: the least important parts become shorter, then go, and the report says so. */

/** A part of the report in all its sizes. */
export interface Section {
  /** What the reader misses when it is shortened, e.g. `row changes`. */
  readonly title: string;
  /** The lower, the sooner it is shortened. */
  readonly rank: number;
  /** From full to least; the last one may be empty. At least one. */
  readonly sizes: readonly string[];
}

/**
 * @param sections in the order shown
 * @param maxChars of the result, in UTF-16 units
 */
export function fitSections(sections: readonly Section[], maxChars: number): string {
  const chosen = sections.map(() => 0);
  // Stable: of equal ranks the later one goes first.
  const order = sections.map((_, index) => index).sort((a, b) => rankOf(sections, a) - rankOf(sections, b) || b - a);
  const render = (): string => {
    const parts = sections.map(({ sizes }, index) => sizes[chosen[index] ?? 0] ?? "");
    const shortened = sections.filter(({ sizes }, index) => parts[index] !== sizes[0]).map(({ title }) => title);
    return joinParts([...parts, noticeOf(shortened)]);
  };
  let text = render();
  for (const index of order) {
    const last = (sections[index]?.sizes.length ?? 1) - 1;
    while (text.length > maxChars && (chosen[index] ?? 0) < last) {
      chosen[index] = (chosen[index] ?? 0) + 1;
      text = render();
    }
    if (text.length <= maxChars) return text;
  }
  // Not even the least of everything fits: whole lines from the top, where the verdict is.
  const cut = text.slice(0, Math.max(0, maxChars));
  return cut.length === text.length ? cut : cut.slice(0, Math.max(0, cut.lastIndexOf("\n")));
}

function rankOf(sections: readonly Section[], index: number): number {
  return sections[index]?.rank ?? 0;
}

function noticeOf(shortened: readonly string[]): string {
  if (shortened.length === 0) return "";
  return `> [!NOTE]\n> Shortened to fit: ${[...new Set(shortened)].join(", ")}. The HTML report has all of it.`;
}

function joinParts(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
