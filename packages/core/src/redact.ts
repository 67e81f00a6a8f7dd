/** Tokens in text of others: a server may repeat in an error what it was sent. */

/** Of Hugging Face, GitHub, JSON Web Tokens and the providers of models. */
const FORMS = /\b(hf_|gh[oprsu]_|github_pat_|eyJ|sk-)[\w.-]+/g;
/** Shorter values are words that any text may hold. */
const MIN_SECRET_CHARS = 8;

/**
 * Takes tokens out of a text.
 * @param secrets values that must not be shown, whatever their form: also as base64, wherever it begins, and in addresses
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  const known = secrets.filter(({ length }) => length >= MIN_SECRET_CHARS).flatMap(spellings);
  return known.reduce((shown, secret) => shown.replaceAll(secret, "…"), text).replace(FORMS, "$1…");
}

function spellings(secret: string): readonly string[] {
  return [secret, encodeURIComponent(secret), ...[0, 1, 2].map((before) => base64Core(secret, before))];
}

/** The characters of a base64 text that depend on the secret alone, where so many bytes of a group of three stand before it. */
function base64Core(secret: string, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
  const text = bytes.toString("base64").replace(/=+$/, "");
  return text.slice(Math.ceil((before * 4) / 3), bytes.length % 3 === 0 ? undefined : -1);
}
