/**
 * A strict JSON scanner (RFC 8259). It builds no values: it finds what `JSON.parse` does not say (where a text breaks
 * and what was expected there) or lets pass (a key twice, half a surrogate pair, a number that would lose digits).
 */
import { MAX_DEPTH } from "../json-depth.js";

export interface JsonProblem {
  readonly code: "jsonl.parse" | "jsonl.duplicate-key" | "jsonl.surrogate" | "jsonl.number" | "jsonl.too-deep";
  /** UTF-16 units from the text's start, from 0. */
  readonly offset: number;
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly fix?: string;
}

/** Called at each value's start with its path, outer values first. Return true to stop. */
export type OnValue = (path: readonly (string | number)[], offset: number) => boolean;

const BLANKS = /[ \t\n\r]*/y;
/** What a string may hold as it is: all but quotes, backslashes and the codes below U+0020. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORD = /[A-Za-z_+-]?[A-Za-z0-9_]+/y;

class Stop extends Error {}
class Broken extends Error {
  constructor(readonly problem: JsonProblem) {
    super(problem.message);
  }
}

/** Scans one JSON text. @returns the first problem, or null where the text is fine */
export function scanJson(text: string, onValue?: OnValue): JsonProblem | null {
  try {
    new Scanner(text, onValue).scan();
    return null;
  } catch (error) {
    if (error instanceof Stop) return null;
    if (error instanceof Broken) return error.problem;
    throw error;
  }
}

/**
 * Where a pointer's value starts in a JSON text.
 * @param tokens the pointer's unescaped tokens
 * @returns UTF-16 units from 0 of the value, or of the deepest parent that is there
 */
export function offsetOf(text: string, tokens: readonly string[]): number {
  let best = 0;
  scanJson(text, (path, offset) => {
    if (path.length > tokens.length || path.some((part, index) => String(part) !== tokens[index])) return false;
    best = offset;
    return path.length === tokens.length;
  });
  return best;
}

class Scanner {
  private at = 0;
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly text: string,
    private readonly onValue: OnValue | undefined,
  ) {}

  scan(): void {
    this.value();
    this.match(BLANKS);
    if (this.at < this.text.length) this.fail("the end of the line");
  }

  private value(): void {
    this.match(BLANKS);
    if (this.onValue?.(this.path, this.at)) throw new Stop();
    const char = this.text[this.at];
    if (char === '"') this.string();
    else if (char === "{") this.object();
    else if (char === "[") this.list();
    else if (this.text.startsWith("true", this.at) || this.text.startsWith("null", this.at)) this.at += 4;
    else if (this.text.startsWith("false", this.at)) this.at += 5;
    else if (char !== undefined && ((char >= "0" && char <= "9") || char === "-")) this.number();
    else this.fail("a value");
  }

  private object(): void {
    this.enter();
    const keys = new Set<string>();
    this.at += 1;
    this.match(BLANKS);
    if (this.text[this.at] === "}") {
      this.at += 1;
      return;
    }
    for (;;) {
      this.match(BLANKS);
      const start = this.at;
      if (this.text[this.at] !== '"')
        this.fail(keys.size === 0 ? 'a key in double quotes or "}"' : "a key in double quotes");
      const key = this.string();
      if (keys.has(key)) {
        throw new Broken({
          code: "jsonl.duplicate-key",
          offset: start,
          message: `the key ${JSON.stringify(key)} is there twice in one object; readers disagree on which one counts`,
          found: JSON.stringify(key),
          fix: "keep one of the two",
        });
      }
      keys.add(key);
      this.match(BLANKS);
      if (this.text[this.at] !== ":") this.fail('":"');
      this.at += 1;
      this.path.push(key);
      this.value();
      this.path.pop();
      this.match(BLANKS);
      const next = this.text[this.at];
      if (next !== "," && next !== "}") this.fail('"," or "}"');
      this.at += 1;
      if (next === "}") return;
    }
  }

  private list(): void {
    this.enter();
    this.at += 1;
    this.match(BLANKS);
    if (this.text[this.at] === "]") {
      this.at += 1;
      return;
    }
    for (let index = 0; ; index += 1) {
      this.path.push(index);
      this.value();
      this.path.pop();
      this.match(BLANKS);
      const next = this.text[this.at];
      if (next !== "," && next !== "]") this.fail('"," or "]"');
      this.at += 1;
      if (next === "]") return;
    }
  }

  private enter(): void {
    if (this.path.length < MAX_DEPTH) return;
    throw new Broken({
      code: "jsonl.too-deep",
      offset: this.at,
      message: `the row nests deeper than ${MAX_DEPTH} levels`,
      expected: `at most ${MAX_DEPTH} levels`,
    });
  }

  /** @returns the string's value; only keys need it, and only those with escapes pay for decoding */
  private string(): string {
    const start = this.at;
    let isEscaped = false;
    this.at += 1;
    for (;;) {
      this.match(PLAIN);
      const char = this.text[this.at];
      if (char === '"') break;
      if (char === "\\") {
        isEscaped = true;
        this.escape();
      } else if (char === undefined) {
        this.fail('a closing "');
      } else {
        this.fail(`the escape ${escapeOf(char)}`, "a control character inside a string");
      }
    }
    this.at += 1;
    return isEscaped
      ? (JSON.parse(this.text.slice(start, this.at)) as string)
      : this.text.slice(start + 1, this.at - 1);
  }

  private escape(): void {
    const start = this.at;
    const char = this.text[start + 1];
    if (char !== "u") {
      if (char === undefined || !'"\\/bfnrt'.includes(char)) {
        this.fail(
          'an escape: \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and 4 hex digits',
          JSON.stringify(`\\${char ?? ""}`),
        );
      }
      this.at += 2;
      return;
    }
    const unit = this.unit(start);
    if (unit === undefined) this.fail("4 hex digits after \\u");
    this.at += 6;
    if (unit < 0xd800 || unit > 0xdfff) return;
    const low = unit < 0xdc00 && this.text.startsWith("\\u", this.at) ? this.unit(this.at) : undefined;
    if (low !== undefined && low >= 0xdc00 && low <= 0xdfff) {
      this.at += 6;
      return;
    }
    throw new Broken({
      code: "jsonl.surrogate",
      offset: start,
      message: "half of a surrogate pair: no character has this code, and UTF-8 cannot hold it",
      expected: "a pair of surrogates, or the character itself",
      found: this.text.slice(start, start + 6),
    });
  }

  private unit(at: number): number | undefined {
    const digits = this.text.slice(at + 2, at + 6);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
  }

  private number(): void {
    const start = this.at;
    const match = this.match(NUMBER);
    if (!match) this.fail("a number");
    const token = match[0];
    const next = this.text[this.at];
    if (next !== undefined && /[0-9a-zA-Z.+_-]/.test(next)) {
      this.at = start;
      this.fail(
        "a number as JSON writes it (no leading zero, no plus sign, digits around the point)",
        this.word(start),
      );
    }
    const value = Number(token);
    const isInteger = match[1] === undefined && match[2] === undefined;
    if (Number.isFinite(value) && !(isInteger && !Number.isSafeInteger(value))) return;
    throw new Broken({
      code: "jsonl.number",
      offset: start,
      message: "a number that readers cannot hold without changing it",
      expected: isInteger ? "an integer within ±9007199254740991" : "a number within ±1.8e308",
      found: token.slice(0, 40),
      fix: "write it as a string",
    });
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match) this.at = pattern.lastIndex;
    return match;
  }

  private word(at: number): string {
    return JSON.stringify(/^[^\s,\]}]{0,24}/.exec(this.text.slice(at, at + 24))?.[0] ?? "");
  }

  private fail(expected: string, found?: string): never {
    WORD.lastIndex = this.at;
    const word = WORD.exec(this.text)?.[0];
    const char = this.text[this.at];
    const shown = found ?? (char === undefined ? "the end of the line" : JSON.stringify((word ?? char).slice(0, 24)));
    const fix = adviceFor(word ?? char ?? "", expected);
    throw new Broken({
      code: "jsonl.parse",
      offset: this.at,
      message: `invalid JSON: expected ${expected}, found ${shown}`,
      expected,
      found: shown,
      ...(fix === undefined ? {} : { fix }),
    });
  }
}

function escapeOf(char: string): string {
  return JSON.stringify(char).slice(1, -1);
}

/** What people meant, for the mistakes that are seen most. */
function adviceFor(found: string, expected: string): string | undefined {
  if (/^[+-]?(?:NaN|Infinity|inf|nan)$/.test(found))
    return "JSON has no NaN and no Infinity: write null, or leave the key out";
  if (/^(?:True|False|None)$/.test(found))
    return "this is Python's spelling: write true, false or null (json.dumps does)";
  if (found === "undefined") return "write null, or leave the key out";
  if (found.startsWith("'")) return "JSON strings stand in double quotes";
  if (found === "}" && expected.includes("key")) return "remove the comma before it";
  if (found === "]" && expected === "a value") return "remove the comma before it";
  if (expected === "the end of the line") return "one JSON value a line: put the rest on a line of its own";
  return undefined;
}
