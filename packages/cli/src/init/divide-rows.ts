/**
 * A draft's rows, divided: what is trained on, what is held out for the first suite, what is left out and why. By
 * content alone, so that the same rows are always divided alike; no row is in two parts.
 */
import {
  canonicalJson,
  type EvalRow,
  GituneError,
  type JsonObject,
  type Message,
  makeRowParser,
  normalizeText,
  promptsOf,
  type Row,
  type RowContent,
  readJsonl,
  sha256Hex,
} from "@gitune/core";
import type { Draft } from "./propose-projects.js";

/** Enough for an interval of a few hundredths, few enough to generate on two cores. */
const MAX_SUITE_ROWS = 200;
const SUITE_SHARE = 0.1;
/** Under which a suite's half text says nothing. */
const MIN_TEXT_WORDS = 8;

/** Tokens of a row as it is trained; throws where the base cannot render it. */
export type CountTokens = (content: RowContent) => { readonly total: number; readonly supervised: number };

/** A row of a suite, as it is written. */
export interface SuiteRow {
  readonly id?: string;
  readonly prompt?: string;
  readonly messages?: readonly JsonObject[];
  readonly references?: readonly string[];
  readonly label?: string;
  readonly tags?: readonly string[];
}

/** Why a row is not taken, with the first place where. */
export interface LeftOut {
  readonly reason: string;
  readonly rows: number;
  readonly first: string;
}

/** A row that can be trained on; its key is of its content alone. */
type TakenRow = Row;

type Part = "train" | "validation";

/** What a row's tokens are counted with, and the most that a row may have. */
export interface TokenLimit {
  readonly count: CountTokens;
  readonly max: number;
}

/** One draft's rows: `holdOut` or a suite that is there, then `assign`, then `rowsOf`. None is held in memory, only keys. */
export class DividedRows {
  private readonly heldOut = new Set<string>();
  private readonly parts = new Map<string, Part>();
  private readonly reasons = new Map<string, { rows: number; first: string }>();
  /** Tokens of the longest row that was taken; 0 where none were counted. */
  longest = 0;

  constructor(
    private readonly root: string,
    private readonly draft: Draft,
    private readonly limit: TokenLimit | null,
    private readonly signal: AbortSignal,
  ) {}

  /** Chooses the first suite's rows: those of the eval files, else a tenth of the rows to train on. */
  async holdOut(): Promise<readonly SuiteRow[]> {
    const hasOwn = this.draft.evals.length > 0;
    const files = hasOwn ? this.draft.evals : this.draft.train;
    const prompts = new Set<string>();
    for await (const { content } of this.read(files, null)) if (toSuiteRow(content)) prompts.add(promptKey(content));
    const most = hasOwn
      ? prompts.size
      : Math.min(prompts.size - 1, Math.max(1, Math.round(prompts.size * SUITE_SHARE)));
    // The order of hashes is as good as chance, and the same tomorrow.
    const chosen = new Set([...prompts].sort().slice(0, Math.max(0, Math.min(MAX_SUITE_ROWS, most))));
    const suite = new Map<string, SuiteRow>();
    for await (const { content, key } of this.read(files, null)) {
      const prompt = promptKey(content);
      const row = chosen.has(prompt) ? toSuiteRow(content) : null;
      if (!row) continue;
      this.heldOut.add(key);
      if (!suite.has(prompt)) suite.set(prompt, row);
    }
    return [...suite].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  /** Decides each row's part. @param overlaps whether a row to train on is too like a row of a suite */
  async assign(overlaps: (row: TakenRow) => boolean): Promise<Readonly<Record<Part, number>>> {
    const counts = { train: 0, validation: 0 };
    for (const part of ["train", "validation"] as const) {
      for await (const row of this.read(this.draft[part], this.reasons)) {
        if (this.heldOut.has(row.key)) continue;
        const reason = this.parts.has(row.key)
          ? "data.duplicate"
          : part === "train" && overlaps(row)
            ? "data.contamination"
            : null;
        if (reason !== null) {
          note(this.reasons, reason, row.file, row.line);
          continue;
        }
        this.parts.set(row.key, part);
        counts[part] += 1;
      }
    }
    return counts;
  }

  /** A part's rows, as they are written in their files. */
  async *rowsOf(part: Part): AsyncGenerator<JsonObject> {
    const done = new Set<string>();
    for await (const { key, value } of this.read(this.draft[part], null)) {
      if (this.parts.get(key) !== part || done.has(key)) continue;
      done.add(key);
      yield value;
    }
  }

  leftOut(): readonly LeftOut[] {
    return [...this.reasons].map(([reason, { rows, first }]) => ({ reason, rows, first }));
  }

  /** Rows that have their format and fit the base. @param reasons where the others are noted; null notes none */
  private async *read(files: readonly string[], reasons: Reasons | null): AsyncGenerator<TakenRow> {
    const { format, columns } = this.draft;
    const parse = makeRowParser({ format, columns, schema: null, id: null, splits: {}, mix: [] });
    const leave = (reason: string, file: string, line: number): void => {
      if (reasons) note(reasons, reason, file, line);
    };
    for (const file of files) {
      for await (const item of readJsonl(`${this.root}/${file}`, { file, signal: this.signal })) {
        if (item.kind === "issue") {
          const { severity, code, line = 1 } = item.issue;
          // A mark at the start of the file is no row, and is not copied.
          if (severity === "error" && code !== "jsonl.bom") leave(code, file, line);
          continue;
        }
        const parsed = parse(item.value);
        const reason =
          parsed.findings[0]?.code ??
          ("content" in parsed && parsed.content ? this.unfit(parsed.content) : "row.invalid");
        if (reason !== null || !("content" in parsed) || !parsed.content) {
          leave(reason ?? "row.invalid", file, item.line);
          continue;
        }
        const { content, value, hash } = parsed;
        // As the rule `duplicates` tells rows apart: another id does not make it another row.
        const key = sha256Hex(canonicalJson(content)).slice(0, 32);
        yield { value, content, key, hash, file, line: item.line };
      }
    }
  }

  private unfit(content: RowContent): string | null {
    if (!this.limit) return null;
    try {
      const { total, supervised } = this.limit.count(content);
      if (total > this.limit.max) return "row.too-long";
      if (supervised === 0) return "row.no-supervised-tokens";
      this.longest = Math.max(this.longest, total);
      return null;
    } catch (error) {
      // The base's template refuses this conversation.
      if (error instanceof GituneError && error.exitCode === 2) return error.issues[0]?.code ?? "row.invalid";
      throw error;
    }
  }
}

type Reasons = Map<string, { rows: number; first: string }>;

function note(leftOut: Reasons, reason: string, file: string, line: number): void {
  const known = leftOut.get(reason);
  if (known) known.rows += 1;
  else leftOut.set(reason, { rows: 1, first: `${file}:${line}` });
}

/** Rows that ask the same are held out together. */
function promptKey(content: RowContent): string {
  return sha256Hex(normalizeText(promptsOf(content).at(-1) ?? "")).slice(0, 32);
}

/** A training row as a question with its answer; null where it is none. */
export function toSuiteRow(content: RowContent): SuiteRow | null {
  switch (content.kind) {
    case "messages": {
      const last = content.messages.at(-1);
      if (!last || content.tools || last["tool_calls"] !== undefined || last.content.trim() === "") return null;
      const prompt = content.messages.slice(0, -1);
      const [only] = prompt;
      if (!only) return null;
      return { messages: prompt as readonly JsonObject[], references: [last.content.trim()] };
    }
    case "completion": {
      const { prompt, completion } = content;
      return normalizeText(prompt) === "" ? null : { prompt, references: [completion.trim()] };
    }
    case "text": {
      const words = content.text.split(/(?<=\s)/);
      if (words.length < MIN_TEXT_WORDS) return null;
      const middle = Math.ceil(words.length / 2);
      return { prompt: words.slice(0, middle).join("").trimEnd(), references: [words.slice(middle).join("").trim()] };
    }
    case "preference":
      return null;
  }
}

/** A suite's row as the check for contamination takes it. */
export function toEvalRow({ prompt, messages, references }: SuiteRow, index: number): EvalRow {
  return {
    id: String(index + 1),
    prompt:
      prompt === undefined
        ? { kind: "messages", messages: (messages ?? []) as unknown as readonly Message[] }
        : { kind: "text", text: prompt },
    ...(references ? { references } : {}),
    tags: [],
    file: "",
    line: index + 1,
  };
}
