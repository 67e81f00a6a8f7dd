import { GituneError, type IssueCode } from "@gitune/core";

/** What an issue of a GGUF file says beyond its message. */
export interface GgufProblem {
  readonly code?: IssueCode;
  /** A metadata key or a tensor's name. */
  readonly at?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly fix?: string;
}

/** Texts from a file are cut to this many characters: a key may have 65,535. */
const MAX_SHOWN_CHARS = 100;

/** An issue of a GGUF file: `weights.gguf` unless the problem has a code of its own; exit code 2. */
export function ggufError(file: string, what: string, problem: GgufProblem = {}): GituneError {
  const { code = "weights.gguf", at, expected, found, fix } = problem;
  return new GituneError({
    code,
    severity: "error",
    file,
    // RFC 6901 has ~ and / escaped.
    ...(at === undefined ? {} : { pointer: `/${shown(at).replaceAll("~", "~0").replaceAll("/", "~1")}` }),
    message: what,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found: shown(found) }),
    ...(fix === undefined ? {} : { fix }),
  });
}

/** A text from a file, on one line and not too long. */
export function shown(text: string): string {
  const line = text.replace(/\p{Cc}/gu, "\uFFFD");
  return line.length > MAX_SHOWN_CHARS ? `${line.slice(0, MAX_SHOWN_CHARS)}…` : line;
}
