/** A row as the model sees it, so that a person can check what is trained on. */
import type { Issue, Row } from "@gitune/core";
import type { BaseTokenizer } from "../tokenizer/tokenizer.js";
import { type EncodeOptions, encodeRow, isSegments, segmentContent } from "./encode-row.js";

export interface RowPreview {
  /** Behind each other they are the whole row; special tokens are shown as they are. */
  readonly pieces: readonly PreviewPiece[];
  /** Of the whole row. */
  readonly tokens: number;
  /** Tokens that are learned. */
  readonly labels: number;
  /** `refused`: training stops at this row, for `issue`. */
  readonly fate: "used" | "cut" | "dropped" | "refused";
  readonly issue: Issue | null;
}

export interface PreviewPiece {
  readonly text: string;
  readonly kind: "context" | "label" | "cut";
}

/** @throws {GituneError} `template.missing`: it is the base that is wrong, and all rows with it */
export function previewRow(row: Row, tokenizer: BaseTokenizer, options: EncodeOptions): RowPreview {
  const outcome = encodeRow(row, tokenizer, options);
  const segments = segmentContent(row.content, tokenizer);
  const issue = outcome.kind === "issue" ? outcome.issue : null;
  if (!isSegments(segments)) return { pieces: [], tokens: 0, labels: 0, fate: "refused", issue };

  const tokens = segments.reduce((sum, { ids }) => sum + ids.length, 0);
  const kept = outcome.kind === "encoded" ? outcome.ids.length : tokens;
  const pieces: PreviewPiece[] = [];
  let start = 0;
  const show = (ids: readonly number[], kind: PreviewPiece["kind"]) => {
    if (ids.length > 0) pieces.push({ text: tokenizer.decode(ids, { skipSpecialTokens: false }), kind });
  };
  for (const { ids, isSupervised } of segments) {
    const room = Math.max(0, kept - start);
    show(ids.slice(0, room), isSupervised ? "label" : "context");
    show(ids.slice(room), "cut");
    start += ids.length;
  }
  const labels = outcome.kind === "encoded" ? outcome.labelMask.reduce((sum, bit) => sum + bit, 0) : 0;
  return { pieces, tokens, labels, fate: fateOf(outcome), issue };
}

/** Pieces as one text: what is learned between ⟦ and ⟧, what is cut off between ⟪ and ⟫. */
export function markPieces(pieces: readonly PreviewPiece[]): string {
  return pieces.map(({ text, kind }) => `${MARKS[kind][0]}${text}${MARKS[kind][1]}`).join("");
}

const MARKS: Readonly<Record<PreviewPiece["kind"], readonly [open: string, close: string]>> = {
  context: ["", ""],
  label: ["⟦", "⟧"],
  cut: ["⟪", "⟫"],
};

function fateOf(outcome: ReturnType<typeof encodeRow>): RowPreview["fate"] {
  if (outcome.kind === "issue") return "refused";
  if (outcome.kind === "dropped") return "dropped";
  return outcome.cutTokens > 0 ? "cut" : "used";
}
