/** Which format rows have, told by trying: a format fits where its own parser takes the rows. */
import { type DataFormat, type JsonObject, type JsonValue, makeRowParser } from "@gitune/core";

/** How a training file is to be read, or that its rows are prompts with references, as eval suites have them. */
export type Detected =
  | {
      readonly kind: "rows";
      readonly format: DataFormat;
      readonly columns: Readonly<Record<string, string>>;
      readonly isGuess: boolean;
    }
  | { readonly kind: "suite" };

interface Candidate {
  readonly format: DataFormat;
  /** Field -> names that people give its column. The field's own name is the first one. */
  readonly required: Readonly<Record<string, readonly string[]>>;
  readonly optional?: Readonly<Record<string, readonly string[]>>;
}

/** The more a format asks of a row, the earlier it stands. */
const CANDIDATES: readonly Candidate[] = [
  {
    format: "preference",
    required: { chosen: ["chosen", "accepted", "preferred"], rejected: ["rejected", "dispreferred"] },
    optional: { prompt: ["prompt", "question", "instruction", "query"] },
  },
  {
    format: "messages",
    required: { messages: ["messages", "conversation", "conversations", "dialogue", "dialog", "chat", "turns"] },
  },
  {
    format: "sharegpt",
    required: {
      conversations: ["conversations", "conversation", "messages", "dialogue", "dialog", "chat", "turns", "items"],
    },
  },
  {
    format: "alpaca",
    required: { instruction: ["instruction"], output: ["output", "response", "answer", "completion"] },
    optional: { input: ["input", "context"] },
  },
  {
    format: "prompt-completion",
    required: {
      prompt: [
        "prompt",
        "question",
        "query",
        "instruction",
        "input",
        "request",
        "problem",
        "text",
        "sentence",
        // Beside one of the names above, these say where a row comes from.
        "source",
        "user",
        "q",
      ],
      completion: [
        "completion",
        "answer",
        "response",
        "output",
        "target",
        "reply",
        "assistant",
        "solution",
        "label",
        "a",
      ],
    },
  },
  { format: "text", required: { text: ["text", "content", "body", "document"] } },
];
/** Rows may be broken; a format that takes fewer than half of them is another one. */
const MIN_SHARE = 0.5;

/** Tells the format of rows from a sample. Null where none fits. */
export function detectFormat(sample: readonly JsonValue[]): Detected | null {
  const rows = sample.filter(isRow);
  if (rows.length === 0) return null;
  const columns = columnsOf(rows);
  if (share(rows, isSuiteRow) >= MIN_SHARE) return { kind: "suite" };
  for (const candidate of CANDIDATES) {
    const mapping = mapColumns(candidate, columns);
    if (mapping && fits(candidate.format, mapping, rows))
      return { kind: "rows", format: candidate.format, columns: mapping, isGuess: false };
  }
  const mapping = twoTexts(rows, columns);
  return mapping && { kind: "rows", format: "prompt-completion", columns: mapping, isGuess: true };
}

function isRow(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function share<T>(all: readonly T[], test: (one: T) => boolean): number {
  return all.filter(test).length / all.length;
}

/** In the order in which they first appear. */
function columnsOf(rows: readonly JsonObject[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

function isSuiteRow(row: JsonObject): boolean {
  const { prompt, messages, references, label } = row;
  const asks = typeof prompt === "string" || (Array.isArray(messages) && messages.length > 0);
  if (!asks || row["completion"] !== undefined) return false;
  const last = Array.isArray(messages) ? (messages.at(-1) as JsonValue) : null;
  if (last !== null && isRow(last) && last["role"] === "assistant") return false;
  return Array.isArray(references) || (label !== undefined && typeof label !== "object");
}

/** `Question_Text` and `questionText` are one name. */
function plain(column: string): string {
  return column.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

/** @returns only the fields whose column has another name; null where a required one is missing */
function mapColumns({ required, optional = {} }: Candidate, columns: readonly string[]): Record<string, string> | null {
  const mapping: Record<string, string> = {};
  const taken = new Set<string>();
  const isRequired = new Set(Object.keys(required));
  for (const [field, names] of Object.entries({ ...required, ...optional })) {
    const column = columns.includes(field)
      ? field
      : names
          .map((name) => columns.find((one) => plain(one) === name && !taken.has(one)))
          .find((one) => one !== undefined);
    if (column === undefined) {
      if (isRequired.has(field)) return null;
      continue;
    }
    taken.add(column);
    if (column !== field) mapping[field] = column;
  }
  return mapping;
}

function fits(format: DataFormat, columns: Readonly<Record<string, string>>, rows: readonly JsonObject[]): boolean {
  const parse = makeRowParser({ format, columns, schema: null, id: null, splits: {}, mix: [] });
  return (
    share(rows, (row) => {
      const parsed = parse(row);
      return "content" in parsed && parsed.content !== null && parsed.findings.length === 0;
    }) >= MIN_SHARE
  );
}

/** Two columns of texts with names in any language: the first one asks. */
function twoTexts(rows: readonly JsonObject[], columns: readonly string[]): Record<string, string> | null {
  const texts = columns.filter(
    (column) =>
      !/^_?(id|uuid|key|source|lang|language|date|url)$/i.test(column) &&
      share(rows, (row) => typeof row[column] === "string") > 0.9,
  );
  const [prompt, completion] = texts;
  if (texts.length !== 2 || prompt === undefined || completion === undefined) return null;
  const mapping = { prompt, completion };
  return fits("prompt-completion", mapping, rows) ? mapping : null;
}
