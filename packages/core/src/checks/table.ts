import type { Check } from "./check.js";
import { contamination } from "./contamination.js";
import { duplicates } from "./duplicates.js";
import { nearDuplicates } from "./near-duplicates.js";
import { pii } from "./pii.js";
import { secrets } from "./secrets.js";
import { tokens } from "./tokens.js";

/** Every rule that `checks` of a config may name, by its name there. */
export const CHECKS = {
  duplicates,
  "near-duplicates": nearDuplicates,
  contamination,
  secrets,
  pii,
  tokens,
} as const satisfies Readonly<Record<string, Check>>;
