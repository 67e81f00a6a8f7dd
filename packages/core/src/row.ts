/** What a row is once its format has been read. All formats end in one of these shapes. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** An object as JSON has it. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Who speaks in a turn. */
export type Role = "system" | "user" | "assistant" | "tool";

/** One turn. Fields beside role and content (name, tool_calls …) reach the chat template untouched. */
export interface Message {
  readonly role: Role;
  readonly content: string;
  readonly [extra: string]: JsonValue | undefined;
}

/**
 * The canonical content of a training row.
 * - `messages`: rendered by the base's chat template; assistant turns are supervised.
 * - `completion`: prompt and completion are joined as they are, no template; the completion and EOS are supervised.
 * - `text`: every token and EOS are supervised.
 * - `preference`: chosen over rejected, after the same prompt.
 */
export type RowContent =
  | { readonly kind: "messages"; readonly messages: readonly Message[]; readonly tools?: readonly JsonValue[] }
  | { readonly kind: "completion"; readonly prompt: string; readonly completion: string }
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "preference";
      readonly prompt: readonly Message[];
      readonly chosen: readonly Message[];
      readonly rejected: readonly Message[];
    };

/** A row of a split, with where it stands. */
export interface Row {
  /** Its id column as a string, else `sha256:` and the first 16 hex digits of its content hash. */
  readonly key: string;
  /** sha256 (hex) of the row's canonical JSON. */
  readonly hash: string;
  /** The row as written. */
  readonly value: JsonObject;
  readonly content: RowContent;
  /** Relative to the repository's root. */
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
}

/** What a model is asked to continue: chat turns (through the template) or raw text. */
export type PromptContent =
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "text"; readonly text: string };

/** A row of an eval suite. Exactly one of `references` and `label` is given. */
export interface EvalRow {
  readonly id: string;
  readonly prompt: PromptContent;
  readonly references?: readonly string[];
  readonly label?: string;
  readonly tags: readonly string[];
  readonly file: string;
  readonly line: number;
}
