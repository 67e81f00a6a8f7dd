/** How verdicts look in Markdown, everywhere the same. */
import type { ActionVerdict } from "./result.js";

export const VERDICT_WORDS: Readonly<Record<ActionVerdict, string>> = {
  pass: "✅ pass",
  fail: "❌ fail",
  inconclusive: "⚠️ inconclusive",
  error: "🛑 no verdict",
};
