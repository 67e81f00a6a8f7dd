/**
 * Chat templates: untrusted Jinja programs from a model folder, run with bounds on work and output.
 * @see https://huggingface.co/docs/transformers/chat_templating
 */
import { createHash } from "node:crypto";
import { boundCall, GituneError, type JsonValue, MAX_CALL_MS, type Message } from "@gitune/core";
import {
  Environment,
  Interpreter,
  type JinjaEnvironment,
  type JinjaProgram,
  type JinjaValue,
  parse,
  tokenize,
} from "./jinja-library.js";

/** Real templates need 50-200 evaluations a message: room for conversations of thousands of turns; a few seconds of work. */
const MAX_EVALUATIONS = 500_000;
/** The longest text one expression may give: a hundred times a row of the longest context in use. */
const MAX_TEXT_CHARS = 32 * 1024 * 1024;
/** All texts a rendering may build on the way: each level of blocks passes its text up once. */
const MAX_BUILT_CHARS = 1024 * 1024 * 1024;
/** Real templates have 1-20 KB; parsing is quadratic at worst. */
const MAX_TEMPLATE_CHARS = 1024 * 1024;

/** What a template is asked for. */
export interface RenderOptions {
  /** Ends with the words that open the assistant's turn. */
  readonly addGenerationPrompt?: boolean;
  /** Function specs, for templates that list tools. */
  readonly tools?: readonly JsonValue[];
}

/** A parsed template. */
export interface ChatTemplate {
  /** As written. */
  readonly source: string;
  /** Hex digest of the source's UTF-8. */
  readonly sha256: string;
  /** @throws {GituneError} `template.render` (exit code 2) when the template throws or exceeds its bounds */
  render(messages: readonly Message[], options?: RenderOptions): string;
}

/**
 * Parses a chat template.
 * Departs from transformers in one point: `strftime_now` is not defined, since a text that depends on the day could not be
 * trained twice to the same bytes; templates that ask for it (Llama 3.1) fall back to a date of their own.
 * @param variables special tokens by name: `bos_token`, `eos_token` …
 * @throws {GituneError} `template.parse` (exit code 2)
 */
export function parseChatTemplate(
  source: string,
  variables: Readonly<Record<string, string>>,
  file: string,
): ChatTemplate {
  const program = parseSource(source, file);
  return {
    source,
    sha256: createHash("sha256").update(source).digest("hex"),
    render: (messages, options = {}) => {
      const environment = new Environment();
      for (const [name, value] of Object.entries({ ...globals(), ...variables })) environment.set(name, value);
      environment.set("messages", messages);
      environment.set("tools", options.tools ?? null);
      environment.set("documents", null);
      environment.set("add_generation_prompt", options.addGenerationPrompt ?? false);
      try {
        return String(new BoundedInterpreter(environment).run(program).value);
      } catch (cause) {
        throw renderError(file, cause);
      }
    },
  };
}

function parseSource(source: string, file: string): JinjaProgram {
  try {
    if (source.length > MAX_TEMPLATE_CHARS) throw new Error(`longer than ${MAX_TEMPLATE_CHARS} characters`);
    // The two options transformers sets for chat templates.
    const read = () => parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    return boundCall(read, () => new Error(`it takes more than ${MAX_CALL_MS / 1000} s to read`))();
  } catch (cause) {
    throw new GituneError(
      {
        code: "template.parse",
        severity: "error",
        file,
        message: `the chat template cannot be parsed: ${reason(cause)}`,
        fix: "fix the template's Jinja syntax",
      },
      { cause },
    );
  }
}

function globals(): Record<string, unknown> {
  const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
  return {
    ...constants,
    raise_exception: (message: string): never => {
      throw new Error(message);
    },
    range: boundedRange,
  };
}

/** Python's `range`, which builds its list here, so its length counts as work before it exists. */
function boundedRange(first: number, stop?: number, step = 1): number[] {
  const [begin, end] = stop === undefined ? [0, first] : [first, stop];
  if (step === 0) throw new Error("range() arg 3 must not be zero");
  const count = Math.max(0, Math.ceil((end - begin) / step));
  if (count > MAX_EVALUATIONS) throw new Error(`range() of ${count} numbers`);
  return Array.from({ length: count }, (_, index) => begin + index * step);
}

/** Counts evaluations, elements and characters, so that no template runs or grows without end. */
class BoundedInterpreter extends Interpreter {
  #evaluations = 0;
  #builtChars = 0;

  override evaluate(statement: unknown, environment: JinjaEnvironment): JinjaValue {
    const result = super.evaluate(statement, environment);
    const { value } = result;
    // A list is counted by its elements: a loop over it may have a body that evaluates nothing.
    this.#evaluations += Array.isArray(value) ? 1 + value.length : 1;
    if (this.#evaluations > MAX_EVALUATIONS) throw new Error(`more than ${MAX_EVALUATIONS} evaluations: does it end?`);
    if (typeof value === "string") {
      this.#builtChars += value.length;
      if (value.length > MAX_TEXT_CHARS || this.#builtChars > MAX_BUILT_CHARS) {
        throw new Error(`it builds a text of more than ${MAX_TEXT_CHARS} characters`);
      }
    }
    return result;
  }
}

function renderError(file: string, cause: unknown): GituneError {
  return new GituneError(
    {
      code: "template.render",
      severity: "error",
      file,
      message: `the chat template failed: ${reason(cause)}`,
      fix: "check that the row's turns are what this base's template allows (order of roles, system turns, tools)",
    },
    { cause },
  );
}

/** One line of at most 300 characters: the text comes from a template, which may put anything into it. */
function reason(cause: unknown): string {
  const said = cause instanceof Error ? cause.message : String(cause);
  const text = /call stack/.test(said) ? "it nests, or calls itself, too deeply" : said;
  return text.replace(/\s+/g, " ").slice(0, 300);
}
