/** Kinds of issues, by their codes. */

/** Whether an issue is about how a project is set up, and not about its rows. */
export function isConfigCode(code: string): boolean {
  return /^(config|schema|tokenizer|template|base|model|weights)\./.test(code);
}
