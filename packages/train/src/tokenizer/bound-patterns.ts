/** A tokenizer's regular expressions come with a model folder, and may backtrack without end. */
import { boundCall, GituneError, MAX_CALL_MS } from "@gitune/core";
import { GGUF_PRE_TOKENIZERS } from "./gguf-pre-tokenizers.js";

/** A function that runs a tokenizer, stopped where a call does not end. */
export type Bound = <A extends readonly unknown[], R>(call: (...args: A) => R) => (...args: A) => R;

/**
 * Those of the families that are in use take time in proportion to the text. They need no watch, which a tokenizer that is
 * called for each row would feel.
 */
const KNOWN: ReadonlySet<unknown> = new Set(Object.values(GGUF_PRE_TOKENIZERS).flatMap(({ splits }) => splits));

/**
 * @param definition `tokenizer.json`; nests no deeper than a stack can hold
 * @param file as issues name it
 * @returns what leaves a call as it is where every pattern is known; else calls throw `tokenizer.slow` (exit code 2) where
 *   one takes more than 5 s
 */
export function boundPatterns(definition: Readonly<Record<string, unknown>>, file: string): Bound {
  const { model: _, added_tokens: __, ...stages } = definition;
  if (!needsWatch(stages)) return (call) => call;
  return (call) => boundCall(call, (cause) => tooSlow(file, cause));
}

/** Whether a stage has an unknown pattern, or one that makes the text longer: sixty that double it end in no time of ours. */
function needsWatch(stage: unknown): boolean {
  if (typeof stage !== "object" || stage === null) return false;
  const { Regex: pattern, String: text } = ((stage as Stage).pattern ?? {}) as Pattern;
  const { content } = stage as Stage;
  if (pattern !== undefined && !KNOWN.has(pattern)) return true;
  if (typeof text === "string" && typeof content === "string" && content.length > text.length) return true;
  return Object.values(stage).some(needsWatch);
}

interface Stage {
  readonly pattern?: unknown;
  readonly content?: unknown;
}

interface Pattern {
  readonly Regex?: unknown;
  readonly String?: unknown;
}

function tooSlow(file: string, cause: unknown): GituneError {
  const message = `${file} takes more than ${MAX_CALL_MS / 1000} s to cut one text into tokens`;
  const fix = "use a tokenizer whose patterns have no repetition inside a repetition, and do not make a text longer";
  return new GituneError({ code: "tokenizer.slow", severity: "error", file, message, fix }, { cause });
}
