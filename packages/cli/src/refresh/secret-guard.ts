/** Knows secrets when it sees them: by their form, and the values that this run was given. */
import { secretIn } from "@gitune/core";

/** Shorter values are words that any text may hold. */
const MIN_VALUE_CHARS = 6;

export class SecretGuard {
  readonly #values: readonly string[];

  /** @param values of environment variables that a source may see */
  constructor(values: readonly (string | undefined)[]) {
    this.#values = values.filter((value): value is string => value !== undefined && value.length >= MIN_VALUE_CHARS);
  }

  /** Whether a text must not be shown. Escapes of JSON do not hide a value. */
  holds(text: string): boolean {
    const forms = text.includes("\\") ? [text, unescaped(text)] : [text];
    return forms.some((form) => secretIn(form) !== undefined || this.#values.some((value) => form.includes(value)));
  }
}

/** `\u0067hp_…` is read as `ghp_…` by whoever parses it. */
function unescaped(json: string): string {
  return json
    .replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\(["\\/])/g, "$1");
}
