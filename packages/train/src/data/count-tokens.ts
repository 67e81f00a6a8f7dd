/** Tokens of a row before it is trained on, counted just as training will. */
import { GituneError, type RowContent } from "@gitune/core";
import type { BaseTokenizer } from "../tokenizer/tokenizer.js";
import { isSegments, segmentContent } from "./encode-row.js";

/**
 * @returns tokens of the whole row, nothing cut, and how many of them carry a label
 * @throws {GituneError} where the content cannot be trained on: `template.prefix`, `template.no-eos`, `template.render`,
 *   `template.missing`, `row.format`
 */
export function countContentTokens(
  content: RowContent,
  tokenizer: BaseTokenizer,
): { readonly total: number; readonly supervised: number } {
  const segments = segmentContent(content, tokenizer);
  if (!isSegments(segments)) throw new GituneError(segments);
  let total = 0;
  let supervised = 0;
  for (const { ids, isSupervised } of segments) {
    // The row's first token is no label: nothing predicts it.
    if (isSupervised) supervised += ids.length - (total === 0 && ids.length > 0 ? 1 : 0);
    total += ids.length;
  }
  return { total, supervised };
}
