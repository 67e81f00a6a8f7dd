/** Kinds of issues, by their codes. */

/** Whether an issue is about how a project is set up (a file that it names is not there, too), and not about its rows. */
export function isConfigCode(code: string): boolean {
  return code === "file.unreadable" || /^(config|schema|tokenizer|template|base|model|weights)\./.test(code);
}
