/**
 * A row as token ids and a mask of the tokens that are supervised.
 * - `messages`: each assistant turn, from the end of the generation prompt to its end token, is supervised.
 * - `completion`: the completion and EOS. Prompt and completion are tokenized apart, since that is what generation sees:
 *   the prompt alone. (TRL tokenizes the joined text and cuts it, so a token may straddle the boundary there.)
 * - `text`: every token and EOS.
 * The first token of a row never is: nothing comes before it that could predict it.
 */
import {
  GituneError,
  InternalError,
  type Issue,
  type JsonValue,
  type Message,
  type Overflow,
  type Row,
  type RowContent,
} from "@gitune/core";
import type { BaseTokenizer } from "../tokenizer/tokenizer.js";

/** How long rows may be, and what happens to longer ones. */
export interface EncodeOptions {
  /** Tokens. */
  readonly maxLength: number;
  /** `truncate` keeps a row's start. */
  readonly overflow: Overflow;
}

/** A row's content as ids, whatever its length. */
export interface TokenizedRow {
  readonly ids: Int32Array;
  /** As long as `ids`; 1 where the token is a label. */
  readonly labelMask: Uint8Array;
}

/** A row ready for batches. */
export interface EncodedRow {
  readonly kind: "encoded";
  readonly ids: Int32Array;
  /** As long as `ids`; 1 where the token is a label. */
  readonly labelMask: Uint8Array;
  /** Tokens cut from the end; 0 unless `overflow` is `truncate`. */
  readonly cutTokens: number;
}

/** What became of a row: encoded, left out for its length (`overflow: drop`), or an error. */
export type EncodeOutcome =
  | EncodedRow
  | { readonly kind: "dropped"; readonly tokens: number }
  | { readonly kind: "issue"; readonly issue: Issue };

/** A piece of a row, as ids. */
export interface Segment {
  readonly ids: readonly number[];
  /** The first token of a row is none, even so: nothing predicts it. */
  readonly isSupervised: boolean;
}

/**
 * Encodes one row.
 * @returns an issue, never an exception, for what is wrong with the row: `row.too-long`, `row.no-supervised-tokens`,
 *   `template.prefix`, `template.no-eos`, `template.render`, `row.format`
 * @throws {GituneError} `template.missing`: it is the base that is wrong, and all rows with it
 */
export function encodeRow(row: Row, tokenizer: BaseTokenizer, options: EncodeOptions): EncodeOutcome {
  return cutRow(row, tokenizeContent(row.content, tokenizer), options);
}

/**
 * The expensive part of `encodeRow`: a pure function of the content and the tokenizer.
 * @returns an issue without a place where the content cannot be trained on
 * @throws {GituneError} `template.missing`
 */
export function tokenizeContent(content: RowContent, tokenizer: BaseTokenizer): TokenizedRow | Issue {
  const segments = segmentContent(content, tokenizer);
  return isSegments(segments) ? join(segments) : segments;
}

/** The rest of `encodeRow`: a row's length against what the recipe allows. */
export function cutRow(row: Row, tokenized: TokenizedRow | Issue, options: EncodeOptions): EncodeOutcome {
  if ("code" in tokenized) return { kind: "issue", issue: { ...tokenized, ...placeOf(row) } };
  const { length } = tokenized.ids;
  const isTooLong = length > options.maxLength;
  if (isTooLong && options.overflow === "drop") return { kind: "dropped", tokens: length };
  if (isTooLong && options.overflow === "error")
    return { kind: "issue", issue: tooLong(row, length, options.maxLength) };

  const kept = Math.min(length, options.maxLength);
  const [ids, labelMask] = [tokenized.ids.subarray(0, kept), tokenized.labelMask.subarray(0, kept)];
  if (!labelMask.includes(1)) {
    return { kind: "issue", issue: unsupervised(row, isTooLong ? length - kept : 0, options.maxLength) };
  }
  return { kind: "encoded", ids, labelMask, cutTokens: length - kept };
}

/** Narrows what `segmentContent` returned. */
export const isSegments = (value: readonly Segment[] | Issue): value is readonly Segment[] => Array.isArray(value);

/**
 * A row's content in the pieces that are supervised or not.
 * @returns an issue without a place where the content cannot be trained on
 */
export function segmentContent(content: RowContent, tokenizer: BaseTokenizer): readonly Segment[] | Issue {
  switch (content.kind) {
    case "messages":
      return segmentMessages(content.messages, tokenizer, content.tools);
    case "completion":
      return [
        { ids: [...tokenizer.prefixIds, ...tokenizer.encode(content.prompt)], isSupervised: false },
        { ids: withEos(tokenizer.encode(content.completion), tokenizer), isSupervised: true },
      ];
    case "text":
      return [
        { ids: tokenizer.prefixIds, isSupervised: false },
        { ids: withEos(tokenizer.encode(content.text), tokenizer), isSupervised: true },
      ];
    case "preference":
      return {
        code: "row.format",
        severity: "error",
        message: "a preference row cannot be trained on yet",
        expected: "messages, prompt and completion, or text",
        found: "preference",
      };
  }
}

/** A text that already ends with an end token keeps that one alone. */
function withEos(ids: readonly number[], tokenizer: BaseTokenizer): number[] {
  const last = ids.at(-1);
  return last !== undefined && tokenizer.eosIds.includes(last) ? [...ids] : [...ids, tokenizer.eosId];
}

function segmentMessages(
  messages: readonly Message[],
  tokenizer: BaseTokenizer,
  tools: readonly JsonValue[] | undefined,
): readonly Segment[] | Issue {
  const withTools = tools === undefined ? {} : { tools };
  try {
    const whole = tokenizer.renderChat(messages, withTools);
    const spans = [];
    for (const [turn, message] of messages.entries()) {
      if (message.role !== "assistant") continue;
      const opening = tokenizer.renderChat(messages.slice(0, turn), { ...withTools, addGenerationPrompt: true });
      const isLast = turn + 1 === messages.length;
      const closing = isLast ? whole : tokenizer.renderChat(messages.slice(0, turn + 1), withTools);
      const span = turnSpan(whole, opening, closing, tokenizer.eosTokens);
      if (span === "not-a-prefix") return prefixBroken(turn, whole, opening);
      if (span === "no-end") return endMissing(turn, tokenizer.eosTokens);
      spans.push(span);
    }
    return cutText(whole, spans, tokenizer);
  } catch (error) {
    const issue = error instanceof GituneError ? error.issues[0] : undefined;
    // The template refused this row. A missing template is everybody's problem and stays an exception.
    if (issue?.code === "template.render") return issue;
    throw error;
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The characters of `whole` that generation would have to produce for a turn, its end token included.
 * @param opening the conversation before the turn, with the generation prompt
 * @param closing the conversation up to and with the turn
 */
function turnSpan(
  whole: string,
  opening: string,
  closing: string,
  eosTokens: readonly string[],
): Span | "not-a-prefix" | "no-end" {
  if (!whole.startsWith(opening)) return "not-a-prefix";
  const start = opening.length;
  if (whole.startsWith(closing) && closing.length >= start) {
    // What a template writes after the end token (ChatML's newline, Phi-3's second end token) is never generated, so it
    // is no label.
    const end = lastEnd(closing, start, eosTokens);
    return end === null ? "no-end" : { start, end };
  }
  // Some templates (Qwen3) rewrite a turn once others follow it; its end token still ends it.
  const end = firstEnd(whole, start, eosTokens);
  return end === null ? "no-end" : { start, end };
}

/** The end of the first of the end tokens that stand last, with nothing but blanks between them. */
function lastEnd(text: string, from: number, eosTokens: readonly string[]): number | null {
  let start = -1;
  let end = -1;
  for (const token of eosTokens) {
    const index = text.lastIndexOf(token);
    if (index >= from && index + token.length > end) [start, end] = [index, index + token.length];
  }
  if (end < 0) return null;
  for (;;) {
    const before = text.slice(from, start).trimEnd();
    const earlier = eosTokens.find((token) => before.endsWith(token));
    if (earlier === undefined) return end;
    end = from + before.length;
    start = end - earlier.length;
  }
}

function firstEnd(text: string, from: number, eosTokens: readonly string[]): number | null {
  let end = Number.POSITIVE_INFINITY;
  for (const token of eosTokens) {
    const index = text.indexOf(token, from);
    if (index >= 0) end = Math.min(end, index + token.length);
  }
  return Number.isFinite(end) ? end : null;
}

function cutText(whole: string, spans: readonly Span[], tokenizer: BaseTokenizer): Segment[] {
  const pieces: { text: string; isSupervised: boolean }[] = [];
  let done = 0;
  for (const { start, end } of spans) {
    if (start < done) throw new InternalError("assistant turns overlap");
    pieces.push({ text: whole.slice(done, start), isSupervised: false });
    pieces.push({ text: whole.slice(start, end), isSupervised: true });
    done = end;
  }
  pieces.push({ text: whole.slice(done), isSupervised: false });
  const ids = encodePieces(
    pieces.map(({ text }) => text),
    tokenizer,
  );
  return pieces.map(({ isSupervised }, index) => ({ ids: ids[index] ?? [], isSupervised }));
}

/**
 * Ids of consecutive pieces of one text. If the whole text's ids can be cut at the boundaries, these are the ids of the
 * whole, as transformers has them; else (a tokenizer that marks the start of a text, a token across a boundary) each piece
 * is encoded on its own, which is what generation sees of the first.
 */
function encodePieces(pieces: readonly string[], tokenizer: BaseTokenizer): number[][] {
  const apart = pieces.map((piece) => tokenizer.encode(piece));
  const whole = tokenizer.encode(pieces.join(""));
  if (startsWith(whole, apart.flat())) return apart;

  const cuts = [0];
  let prefix = "";
  for (const piece of pieces) {
    prefix += piece;
    const ids = tokenizer.encode(prefix);
    if (!startsWith(whole, ids)) return apart;
    cuts.push(ids.length);
  }
  return pieces.map((_, index) => whole.slice(cuts[index], cuts[index + 1]));
}

function startsWith(ids: readonly number[], prefix: readonly number[]): boolean {
  return prefix.length <= ids.length && prefix.every((id, index) => ids[index] === id);
}

function join(segments: readonly Segment[]): TokenizedRow {
  const length = segments.reduce((total, { ids }) => total + ids.length, 0);
  const ids = new Int32Array(length);
  const labelMask = new Uint8Array(length);
  let position = 0;
  for (const segment of segments) {
    for (const id of segment.ids) {
      ids[position] = id;
      labelMask[position] = segment.isSupervised && position > 0 ? 1 : 0;
      position++;
    }
  }
  return { ids, labelMask };
}

function placeOf(row: Row): Pick<Issue, "file" | "line" | "row"> {
  return { file: row.file, line: row.line, row: row.key };
}

function tooLong(row: Row, tokens: number, maxLength: number): Issue {
  return {
    code: "row.too-long",
    severity: "error",
    ...placeOf(row),
    message: `the row has ${tokens} tokens, max_length allows ${maxLength}`,
    expected: `at most ${maxLength} tokens`,
    found: `${tokens} tokens`,
    fix: "shorten the row, raise train.max_length, or set train.overflow to truncate or drop",
  };
}

function unsupervised(row: Row, cutTokens: number, maxLength: number): Issue {
  const isCut = cutTokens > 0;
  return {
    code: "row.no-supervised-tokens",
    severity: "error",
    ...placeOf(row),
    message: isCut
      ? `cut to ${maxLength} tokens, the row has no token left to learn from`
      : "the row has no token to learn from",
    expected: "at least one supervised token: an assistant turn, a completion, or a text",
    fix: isCut ? "raise train.max_length, or shorten the row's prompt" : "add an assistant turn, or remove the row",
  };
}

function prefixBroken(turn: number, whole: string, opening: string): Issue {
  let same = 0;
  while (same < opening.length && opening[same] === whole[same]) same++;
  return {
    code: "template.prefix",
    severity: "error",
    pointer: `/messages/${turn}`,
    message:
      "the chat template renders the turns before this one differently once it is there, so training would not match generation",
    expected: JSON.stringify(opening.slice(same, same + 60)),
    found: JSON.stringify(whole.slice(same, same + 60)),
    fix: "use a base whose template only appends, or split the conversation into rows that end with their assistant turn",
  };
}

function endMissing(turn: number, eosTokens: readonly string[]): Issue {
  return {
    code: "template.no-eos",
    severity: "error",
    pointer: `/messages/${turn}`,
    message: "the chat template closes this turn without an end token, so the model would not learn to stop",
    expected: `one of ${eosTokens.map((token) => JSON.stringify(token)).join(", ")} after the turn`,
    fix: "list the template's end-of-turn token in eos_token_id of the base's generation_config.json",
  };
}
