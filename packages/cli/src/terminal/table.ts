/** Columns of text for a terminal. */
import type { Colors } from "picocolors/types.js";

/** Pads every cell to its column's width; numbers-first columns are the caller's choice by `alignRight`. */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly colors: Colors; readonly alignRight?: readonly number[] },
): string {
  const all = [header, ...rows];
  const widths = header.map((_, at) => Math.max(...all.map((row) => columnsOf(row[at] ?? ""))));
  const format = (row: readonly string[]) =>
    row
      .map((cell, at) => {
        const room = " ".repeat((widths[at] ?? 0) - columnsOf(cell));
        return options.alignRight?.includes(at) ? room + cell : cell + room;
      })
      .join("  ")
      .trimEnd();
  return [options.colors.bold(format(header)), ...rows.map(format)].join("\n");
}

/** Colour codes take no columns. */
function columnsOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is being left out
  return text.replace(/\x1b\[[\d;]*m/g, "").length;
}

/** Scores in 0..1 with three digits, larger ones (BLEU, chrF) with one. */
export function formatScore(value: number): string {
  return Math.abs(value) > 1 ? value.toFixed(1) : value.toFixed(3);
}

/** With its sign, so that a fall is seen. */
export function formatDelta(value: number): string {
  const text = formatScore(value);
  return value > 0 ? `+${text}` : text;
}

export function formatInterval([low, high]: readonly [number, number], format = formatScore): string {
  return `${format(low)} to ${format(high)}`;
}

/** `1 row`, `2,000 rows`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** `850 ms`, `12.3 s`, `4 min 5 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
