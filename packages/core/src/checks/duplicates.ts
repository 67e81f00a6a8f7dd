/** Rows with the same content: within a split they count twice in training, across splits they leak the answer. */
import { canonicalJson, sha256Hex } from "../hash.js";
import type { Check } from "./check.js";
import { placeOf } from "./check.js";

/** By content, not by row: another id or tag does not make it another row. */
export const duplicates: Check = () => {
  const seen = new Map<string, { readonly split: string; readonly file: string; readonly line: number }>();
  return {
    onRow({ content, split, file, line }) {
      // 128 bits are enough, and half the memory.
      const key = sha256Hex(canonicalJson(content)).slice(0, 32);
      const first = seen.get(key);
      if (!first) {
        seen.set(key, { split, file, line });
        return [];
      }
      const isLeak = first.split !== split;
      const code = isLeak ? "data.split-leak" : "data.duplicate";
      const message = isLeak
        ? `the same content is in split ${first.split}, at ${placeOf(first)}`
        : `the same content is at ${placeOf(first)}`;
      return [{ code, pointer: "", message, fix: "remove one of the two" }];
    },
  };
};
