/** JSON Lines, streamed: what is wrong with a line is yielded in its place, and reading goes on with the next one. */
import { createReadStream } from "node:fs";
import { errnoOf } from "../io/errno.js";
import type { Issue } from "../issue.js";
import type { JsonValue } from "../row.js";
import { type Line, splitLines } from "./lines.js";
import { scanJson } from "./scan.js";
import { decodeUtf8, firstBadByte } from "./utf8.js";

/** 16 MiB: a thousand times a long document, and small enough that a file without newlines cannot exhaust memory. */
export const MAX_ROW_BYTES = 16 * 1024 * 1024;

export interface JsonlRow {
  readonly kind: "row";
  /** Counts from 1. */
  readonly line: number;
  readonly byteOffset: number;
  /** Without the newline. */
  readonly byteLength: number;
  readonly value: JsonValue;
  /** The line as it is written; for columns of what later turns out wrong. */
  readonly text: string;
}

/** A line that is no row, and why. */
export interface JsonlProblem {
  readonly kind: "issue";
  readonly issue: Issue;
}

/** What a line of a JSONL file turned out to be. */
export type JsonlItem = JsonlRow | JsonlProblem;

export interface ReadJsonlOptions {
  /** The name that issues carry; the path by default. */
  readonly file?: string;
  /** Bytes; `MAX_ROW_BYTES` by default. */
  readonly maxRowBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads JSON Lines from a file or from bytes cut anywhere.
 * @returns rows and issues in the file's order; issues about the whole file (`jsonl.empty`, `jsonl.crlf`,
 *   `jsonl.blank`) come last. A file that cannot be read yields one `file.unreadable`.
 */
export async function* readJsonl(
  source: string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadJsonlOptions = {},
): AsyncGenerator<JsonlItem> {
  const file = options.file ?? (typeof source === "string" ? source : undefined);
  const maxRowBytes = options.maxRowBytes ?? MAX_ROW_BYTES;
  const tally: Tally = { rows: 0, bad: 0, crlf: 0, firstCrlf: 0, blank: 0, firstBlank: 0 };
  const problem = (issue: Omit<Issue, "file">): JsonlProblem => ({
    kind: "issue",
    issue: { ...issue, ...(file === undefined ? {} : { file }) },
  });

  const chunks = typeof source === "string" ? createReadStream(source, { highWaterMark: 256 * 1024 }) : source;
  try {
    for await (const raw of splitLines(chunks, maxRowBytes)) {
      options.signal?.throwIfAborted();
      const start = raw.line === 1 && raw.bytes ? fileStart(raw.bytes) : null;
      if (start) {
        yield problem(start.issue);
        tally.bad += 1;
        if (start.isFatal) return;
      }
      const item = readLine(raw, start?.skip ?? 0, maxRowBytes, tally);
      if (item?.kind === "row") {
        tally.rows += 1;
        yield item;
      } else if (item) {
        tally.bad += 1;
        yield problem(item.issue);
      }
    }
  } catch (error) {
    const errno = typeof source === "string" ? errnoOf(error) : undefined;
    if (errno === undefined || options.signal?.aborted) throw error;
    yield problem(unreadable(errno));
    return;
  }
  for (const issue of wholeFileIssues(tally)) yield problem(issue);
}

interface Tally {
  rows: number;
  bad: number;
  crlf: number;
  firstCrlf: number;
  blank: number;
  firstBlank: number;
}

/** What a file's first bytes give away. */
function fileStart(bytes: Uint8Array): { issue: Issue; skip: number; isFatal: boolean } | null {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) {
    const message = "the file starts with a byte order mark (EF BB BF), which many JSON readers refuse";
    const fix = "save it as UTF-8 without BOM";
    return {
      issue: { code: "jsonl.bom", severity: "error", line: 1, column: 1, message, fix },
      skip: 3,
      isFatal: false,
    };
  }
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    const message = "the file is UTF-16";
    const issue: Issue = {
      code: "jsonl.encoding",
      severity: "error",
      line: 1,
      message,
      expected: "UTF-8",
      found: "UTF-16",
    };
    return { issue: { ...issue, fix: "save it as UTF-8 without BOM" }, skip: 0, isFatal: true };
  }
  if (Buffer.from(bytes.subarray(0, 43)).toString("latin1").startsWith("version https://git-lfs.github.com/spec/v")) {
    const message = "the file is a Git LFS pointer: its rows were not downloaded";
    return {
      issue: {
        code: "jsonl.lfs",
        severity: "error",
        line: 1,
        message,
        fix: "git lfs pull; of another commit, git lfs fetch origin <commit> (in gitune's workflows: lfs: true)",
      },
      skip: 0,
      isFatal: true,
    };
  }
  return null;
}

/** @returns null for a blank line */
function readLine(raw: Line, skip: number, maxRowBytes: number, tally: Tally): JsonlItem | null {
  const { line, byteOffset, byteLength } = raw;
  if (!raw.bytes) {
    const message = `the row is ${byteLength.toLocaleString("en")} bytes long, the limit is ${maxRowBytes.toLocaleString("en")}`;
    const fix = "split the row, or check for a missing newline";
    return { kind: "issue", issue: { code: "jsonl.row-too-long", severity: "error", line, message, fix } };
  }
  let bytes = skip > 0 ? raw.bytes.subarray(skip) : raw.bytes;
  if (bytes.at(-1) === 0x0d) {
    tally.crlf += 1;
    tally.firstCrlf ||= line;
    bytes = bytes.subarray(0, -1);
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    const at = firstBadByte(bytes);
    const column = (decodeUtf8(bytes.subarray(0, at)) ?? "").length + 1;
    const byte = (bytes[at] ?? 0).toString(16).padStart(2, "0").toUpperCase();
    const message = `not UTF-8: byte ${byte} at byte ${byteOffset + skip + at} of the file`;
    const fix = "save the file as UTF-8";
    return {
      kind: "issue",
      issue: {
        code: "jsonl.encoding",
        severity: "error",
        line,
        column,
        message,
        expected: "UTF-8",
        found: `byte ${byte}`,
        fix,
      },
    };
  }
  if (/^[ \t\r]*$/.test(text)) {
    tally.blank += 1;
    tally.firstBlank ||= line;
    return null;
  }
  const broken = scanJson(text);
  if (broken) {
    const { offset, ...rest } = broken;
    return { kind: "issue", issue: { severity: "error", line, column: offset + 1, ...rest } };
  }
  return {
    kind: "row",
    line,
    byteOffset: byteOffset + skip,
    byteLength: byteLength - skip,
    value: JSON.parse(text),
    text,
  };
}

function wholeFileIssues(tally: Tally): Issue[] {
  const issues: Issue[] = [];
  if (tally.rows === 0 && tally.bad === 0) {
    const fix = "add rows, or remove the file";
    issues.push({ code: "jsonl.empty", severity: "error", message: "the file has no rows", fix });
  }
  if (tally.crlf > 0) {
    const message = `${lines(tally.crlf)} with \\r\\n, the first at line ${tally.firstCrlf}`;
    const fix = "save the file with \\n line ends (in git: *.jsonl text eol=lf)";
    issues.push({ code: "jsonl.crlf", severity: "warning", line: tally.firstCrlf, message, fix });
  }
  // An empty file has said what is wrong with it already.
  if (tally.blank > 0 && issues[0]?.code !== "jsonl.empty") {
    const message = `${tally.blank === 1 ? "1 blank line" : `${tally.blank} blank lines`}, the first at line ${tally.firstBlank}`;
    issues.push({
      code: "jsonl.blank",
      severity: "warning",
      line: tally.firstBlank,
      message,
      fix: "remove blank lines",
    });
  }
  return issues;
}

function lines(count: number): string {
  return count === 1 ? "1 line ends" : `${count} lines end`;
}

function unreadable(errno: string): Issue {
  const reason = errno === "ENOENT" ? "there is no such file" : errno === "EISDIR" ? "it is a folder" : errno;
  return { code: "file.unreadable", severity: "error", message: `cannot read the file: ${reason}` };
}
