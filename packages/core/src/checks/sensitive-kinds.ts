import type { JsonValue } from "../row.js";
import { personalDataIn } from "./pii.js";
import { secretIn } from "./secrets.js";
import { stringsOf } from "./text.js";

/** Which kinds of secrets and personal data the texts of a value hold, such as "an e-mail address". Never the data itself. */
export function sensitiveKinds(value: JsonValue): ReadonlySet<string> {
  const kinds = new Set<string>();
  for (const { text } of stringsOf(value)) {
    for (const kind of [secretIn(text), personalDataIn(text)]) if (kind !== undefined) kinds.add(kind);
  }
  return kinds;
}
