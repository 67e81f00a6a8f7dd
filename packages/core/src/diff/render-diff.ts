/** A diff as text for a terminal, Markdown for GitHub, or JSON (contracts.md §4). */
import type { DatasetDiff, ProjectDiff, RowChange, SplitDiff } from "../diff-types.js";
import { escapeHtml, escapeMarkdown, printable, printableJson } from "../escape.js";
import type { JsonValue } from "../row.js";
import { changedFields, diffWords, type FieldChange } from "./words.js";

/** How a diff is shown. */
export type DiffFormat = "text" | "markdown" | "json";
/** What a piece of a shown diff is, for whoever colors it. */
export type DiffPart = "title" | "added" | "removed" | "changed" | "moved" | "quiet";

export interface RenderDiffOptions {
  /** Rows shown of a split: 50 in text, 10 in Markdown by default. JSON has all that the diff lists. */
  readonly maxRows?: number;
  /** For `text`. */
  readonly color?: (part: DiffPart, text: string) => string;
}

/** Characters of a value that are shown. */
const MAX_VALUE_CHARS = 240;
const MARKS = { added: "+", removed: "-", changed: "~", moved: ">" } as const;

/** Renders a diff; no trailing newline. */
export function renderDiff(diff: DatasetDiff, format: DiffFormat = "text", options: RenderDiffOptions = {}): string {
  return RENDERERS[format](diff, options);
}

const RENDERERS: { readonly [F in DiffFormat]: (diff: DatasetDiff, options: RenderDiffOptions) => string } = {
  json: (diff) => printableJson(diff),
  text: toText,
  markdown: toMarkdown,
};

function isTouched({ added, removed, changed, moved }: SplitDiff): boolean {
  return added + removed + changed + moved > 0;
}

function touched(diff: DatasetDiff): ProjectDiff[] {
  return diff.projects
    .map(({ name, splits }) => ({ name, splits: splits.filter(isTouched) }))
    .filter(({ splits }) => splits.length > 0);
}

function toText(diff: DatasetDiff, { maxRows = 50, color = (_part, text) => text }: RenderDiffOptions): string {
  const lines: string[] = [];
  for (const { name, splits } of touched(diff)) {
    lines.push(color("title", printable(name)));
    for (const split of splits) {
      const { added, removed, changed, moved, unchanged } = split;
      const counts = [
        color("added", `+${added} added`),
        color("removed", `-${removed} removed`),
        color("changed", `~${changed} changed`),
        color("moved", `>${moved} moved`),
        color("quiet", `${unchanged} unchanged`),
      ];
      lines.push(`  ${printable(split.split)}: ${counts.join(", ")}`);
      for (const change of split.rows.slice(0, maxRows)) lines.push(...rowText(change, color));
      const more = moreOf(split, maxRows);
      if (more > 0) lines.push(color("quiet", `    and ${more} more`));
    }
  }
  return lines.length > 0 ? lines.join("\n") : "no row differs";
}

function moreOf({ added, removed, changed, moved, rows }: SplitDiff, maxRows: number): number {
  return added + removed + changed + moved - Math.min(maxRows, rows.length);
}

function rowText(change: RowChange, color: NonNullable<RenderDiffOptions["color"]>): string[] {
  const { kind, file, line, key, before, after } = change;
  const head = `    ${color(kind, `${MARKS[kind]} ${printable(`${file}:${line}  ${key}`)}`)}`;
  if (kind === "changed" && before && after) {
    const fields = changedFields(before, after);
    return [
      head,
      ...fields.map((field) => `        ${color("quiet", printable(field.pointer))}  ${fieldText(field, color)}`),
    ];
  }
  const value = after ?? before;
  return kind === "moved" || !value ? [head] : [head, `        ${printable(brief(value))}`];
}

/** As `git diff --word-diff`: `[-gone-]{+new+}`. */
function fieldText({ before, after }: FieldChange, color: NonNullable<RenderDiffOptions["color"]>): string {
  if (typeof before !== "string" || typeof after !== "string") {
    const gone = before === undefined ? "" : color("removed", `[-${printable(brief(before))}-]`);
    return gone + (after === undefined ? "" : color("added", `{+${printable(brief(after))}+}`));
  }
  return diffWords(before, after)
    .map(({ kind, text }) => {
      const shown = printable(cut(text));
      return kind === "same"
        ? shown
        : kind === "removed"
          ? color("removed", `[-${shown}-]`)
          : color("added", `{+${shown}+}`);
    })
    .join("");
}

function toMarkdown(diff: DatasetDiff, { maxRows = 10 }: RenderDiffOptions): string {
  const projects = touched(diff);
  if (projects.length === 0) return "No row differs.";
  const lines = [
    "| project | split | added | removed | changed | moved | unchanged |",
    "|---|---|--:|--:|--:|--:|--:|",
  ];
  for (const { name, splits } of projects) {
    for (const { split, added, removed, changed, moved, unchanged } of splits) {
      lines.push(
        `| ${escapeMarkdown(name)} | ${escapeMarkdown(split)} | ${added} | ${removed} | ${changed} | ${moved} | ${unchanged} |`,
      );
    }
  }
  for (const { name, splits } of projects) {
    for (const split of splits) {
      if (maxRows === 0) continue;
      lines.push("", `<details><summary>${escapeHtml(name)} / ${escapeHtml(split.split)}</summary>`, "");
      for (const change of split.rows.slice(0, maxRows)) lines.push(...rowMarkdown(change));
      const more = moreOf(split, maxRows);
      if (more > 0) lines.push(`- and ${more} more`);
      lines.push("", "</details>");
    }
  }
  return lines.join("\n");
}

function rowMarkdown({ kind, file, line, key, before, after }: RowChange): string[] {
  const head = `- **${kind}** ${escapeMarkdown(`${file}:${line}`)} (${escapeMarkdown(cut(key))})`;
  if (kind === "changed" && before && after) {
    return [
      head,
      ...changedFields(before, after).map((field) => `  - ${escapeMarkdown(field.pointer)}: ${fieldMarkdown(field)}`),
    ];
  }
  const value = after ?? before;
  return kind === "moved" || !value ? [head] : [`${head}: ${escapeMarkdown(brief(value))}`];
}

function fieldMarkdown({ before, after }: FieldChange): string {
  if (typeof before !== "string" || typeof after !== "string") {
    const gone = before === undefined ? "" : `<del>${escapeMarkdown(brief(before))}</del> `;
    return gone + (after === undefined ? "" : `<ins>${escapeMarkdown(brief(after))}</ins>`);
  }
  return diffWords(before, after)
    .map(({ kind, text }) => {
      const shown = escapeMarkdown(cut(text));
      return kind === "same" ? shown : kind === "removed" ? `<del>${shown}</del>` : `<ins>${shown}</ins>`;
    })
    .join("");
}

function brief(value: JsonValue): string {
  return cut(typeof value === "string" ? value : JSON.stringify(value));
}

function cut(text: string): string {
  return text.length <= MAX_VALUE_CHARS ? text : `${text.slice(0, MAX_VALUE_CHARS)}…`;
}
