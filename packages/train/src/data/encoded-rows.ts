/** All rows of a split as ids, held compactly: five bytes a token, however many rows there are. */
import { createHash } from "node:crypto";
import { GituneError, type Issue, type Row } from "@gitune/core";
import type { BaseTokenizer } from "../tokenizer/tokenizer.js";
import { cutRow, type EncodeOptions } from "./encode-row.js";
import { type TokenizeOptions, tokenizeRows } from "./tokenize-rows.js";

/** Issues are listed up to here; "and n more" says the rest. */
const MAX_ISSUES = 100;
const FIRST_CAPACITY_TOKENS = 1 << 16;

/** What became of the rows; all of it is reported, so that no row is left out unseen. */
export interface EncodeStats {
  /** Rows that are trained on, cut ones included. */
  readonly rows: number;
  /** Rows cut to max_length (`overflow: truncate`). */
  readonly cut: number;
  /** Tokens cut off. */
  readonly cutTokens: number;
  /** Rows left out for their length (`overflow: drop`). */
  readonly dropped: number;
  /** Tokens of the rows in use. */
  readonly tokens: number;
  /** Labels among them. */
  readonly supervisedTokens: number;
  /** Tokens of the longest row in use. */
  readonly longest: number;
}

/** Rows by index, in the order they were read. */
export interface EncodedRows {
  readonly length: number;
  readonly stats: EncodeStats;
  /** sha256 (hex) over every row's ids and mask, in order. */
  readonly sha256: string;
  /** Fills padding. */
  readonly padId: number;
  /** Tokens of a row. */
  rowLength(index: number): number;
  /** Labels of a row. */
  rowLabels(index: number): number;
  /** Views, not copies. */
  row(index: number): { readonly ids: Int32Array; readonly labelMask: Uint8Array };
  /** Where a row stands, as `file:line`. */
  place(index: number): string;
}

/**
 * Encodes a stream of rows.
 * @param how changes the time this takes, never the result
 * @throws {GituneError} (exit code 2) with every bad row's issue, up to a cap; `data.no-rows` when no row is left
 */
export async function encodeRows(
  rows: AsyncIterable<Row> | Iterable<Row>,
  tokenizer: BaseTokenizer,
  options: EncodeOptions,
  how: TokenizeOptions = {},
): Promise<EncodedRows> {
  const builder = new RowsBuilder(tokenizer.padId);
  const issues: Issue[] = [];
  let issueCount = 0;
  for await (const { row, tokenized } of tokenizeRows(rows, tokenizer, how)) {
    const outcome = cutRow(row, tokenized, options);
    if (outcome.kind === "dropped") builder.dropped++;
    else if (outcome.kind === "encoded") builder.add(row, outcome.ids, outcome.labelMask, outcome.cutTokens);
    else if (++issueCount <= MAX_ISSUES) issues.push(outcome.issue);
  }
  if (issueCount > issues.length) {
    const message = `and ${issueCount - issues.length} more rows that cannot be trained on`;
    issues.push({ code: "row.more", severity: "error", message });
  }
  if (issueCount > 0) throw new GituneError(issues);
  if (builder.length === 0) throw new GituneError(noRows(builder.dropped, options.maxLength));
  return builder.finish();
}

function noRows(dropped: number, maxLength: number): Issue {
  return {
    code: "data.no-rows",
    severity: "error",
    message: "there is no row to train on",
    ...(dropped === 0 ? {} : { found: `${dropped} rows, all longer than ${maxLength} tokens and dropped` }),
    fix: dropped === 0 ? "add rows to the train split" : "raise train.max_length",
  };
}

class RowsBuilder {
  #ids = new Int32Array(FIRST_CAPACITY_TOKENS);
  #mask = new Uint8Array(FIRST_CAPACITY_TOKENS);
  #tokens = 0;
  /** Token offset of each row, and the end of the last. */
  readonly #offsets: number[] = [0];
  readonly #labels: number[] = [];
  readonly #lines: number[] = [];
  readonly #fileOf: number[] = [];
  readonly #files: string[] = [];
  readonly #padId: number;
  #cut = 0;
  #cutTokens = 0;
  #longest = 0;
  dropped = 0;

  constructor(padId: number) {
    this.#padId = padId;
  }

  get length(): number {
    return this.#labels.length;
  }

  add(row: Row, ids: Int32Array, mask: Uint8Array, cutTokens: number): void {
    this.#reserve(ids.length);
    this.#ids.set(ids, this.#tokens);
    this.#mask.set(mask, this.#tokens);
    this.#tokens += ids.length;
    this.#offsets.push(this.#tokens);
    this.#labels.push(mask.reduce((sum, bit) => sum + bit, 0));
    this.#lines.push(row.line);
    // Rows come file by file, so the last file is nearly always the right one.
    if (this.#files.at(-1) !== row.file) this.#files.push(row.file);
    this.#fileOf.push(this.#files.length - 1);
    this.#longest = Math.max(this.#longest, ids.length);
    if (cutTokens > 0) this.#cut++;
    this.#cutTokens += cutTokens;
  }

  #reserve(count: number): void {
    let capacity = this.#ids.length;
    while (capacity < this.#tokens + count) capacity *= 2;
    if (capacity === this.#ids.length) return;
    const [ids, mask] = [new Int32Array(capacity), new Uint8Array(capacity)];
    ids.set(this.#ids);
    mask.set(this.#mask);
    [this.#ids, this.#mask] = [ids, mask];
  }

  finish(): EncodedRows {
    const [ids, mask] = [this.#ids.subarray(0, this.#tokens), this.#mask.subarray(0, this.#tokens)];
    const offsets = Float64Array.from(this.#offsets);
    const [labels, lines] = [Int32Array.from(this.#labels), Int32Array.from(this.#lines)];
    const [fileOf, files] = [Int32Array.from(this.#fileOf), this.#files];
    const hash = createHash("sha256").update(bytesOf(offsets)).update(bytesOf(ids)).update(mask);
    return {
      length: labels.length,
      padId: this.#padId,
      sha256: hash.digest("hex"),
      stats: {
        rows: labels.length,
        cut: this.#cut,
        cutTokens: this.#cutTokens,
        dropped: this.dropped,
        tokens: ids.length,
        supervisedTokens: labels.reduce((sum, count) => sum + count, 0),
        longest: this.#longest,
      },
      rowLength: (index) => (offsets[index + 1] ?? 0) - (offsets[index] ?? 0),
      rowLabels: (index) => labels[index] ?? 0,
      row: (index) => ({
        ids: ids.subarray(offsets[index], offsets[index + 1]),
        labelMask: mask.subarray(offsets[index], offsets[index + 1]),
      }),
      place: (index) => `${files[fileOf[index] ?? 0]}:${lines[index]}`,
    };
  }
}

function bytesOf(view: Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
