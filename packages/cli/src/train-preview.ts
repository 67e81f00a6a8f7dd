/** `gitune train --preview`: rows as the model sees them, and what of them is learned. */
import { type Project, readRows, renderIssues } from "@gitune/core";
import type { PreviewPiece, RowPreview } from "@gitune/train/tokenizer";
import type { Colors } from "picocolors/types.js";
import { HubBases } from "./hub-base/hub-bases.js";
import { openProjectBase } from "./open-base.js";
import { issueColors } from "./terminal/issue-colors.js";
import { counted } from "./terminal/table.js";
import type { Context, Outcome } from "./verb.js";

/** Needs the tokenizer only, so the engine is not loaded. */
export async function previewRows(context: Context, project: Project, count: number): Promise<Outcome> {
  const { config } = project;
  const { markPieces, previewRow } = await import("@gitune/train/tokenizer");
  const { maxLength, overflow } = config.train;
  const base = await openProjectBase(project, new HubBases(context), "identity");
  const shown = [];
  for await (const row of readRows(project, "train", context.signal)) {
    shown.push({ row, preview: previewRow(row, base.tokenizer, { maxLength, overflow }) });
    if (shown.length >= count) break;
  }
  const { colors } = context;
  const textOf = (pieces: readonly PreviewPiece[]): string =>
    colors.isColorSupported ? pieces.map((piece) => colored(piece, colors)).join("") : markPieces(pieces);
  return {
    exitCode: 0,
    text: shown
      .map(({ row, preview }) =>
        [
          `${colors.bold(`${row.file}:${row.line}  ${row.key}`)}  ${colors.dim(factsOf(preview, maxLength))}`,
          ...(preview.issue ? [renderIssues([preview.issue], "text", { color: issueColors(colors) })] : []),
          textOf(preview.pieces),
        ].join("\n"),
      )
      .join("\n\n"),
    document: {
      version: 1,
      project: config.name,
      rows: shown.map(({ row: { key, file, line }, preview: { pieces, ...facts } }) => ({
        key,
        file,
        line,
        text: markPieces(pieces),
        ...facts,
      })),
    },
  };
}

/** E.g. `212 tokens, 30 learned, 12 cut`. */
function factsOf({ tokens, labels, fate }: RowPreview, maxLength: number): string {
  const length = `${counted(tokens, "token")}, ${labels.toLocaleString("en")} learned`;
  if (fate === "cut") return `${length}, ${tokens - maxLength} cut: max_length is ${maxLength}`;
  if (fate === "dropped") return `${counted(tokens, "token")}, left out: max_length is ${maxLength}`;
  return fate === "refused" ? `${counted(tokens, "token")}, stops the training` : length;
}

/** Line by line, since a colour that runs over line ends is lost in pagers. */
function colored({ text, kind }: PreviewPiece, colors: Colors): string {
  if (kind === "context") return text;
  const paint = kind === "label" ? colors.green : (line: string) => colors.dim(colors.strikethrough(line));
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : paint(line)))
    .join("\n");
}
