/** What a file's path says about its rows: which split they are, and which files belong together. */

export type Split = "train" | "validation" | "eval";

export interface FileRole {
  /** Null where the path names none. */
  readonly split: Split | null;
  /** Files of one project have the same one. */
  readonly group: string;
  readonly folder: string;
  /** Fit for a project's name. */
  readonly name: string;
}

const SPLITS: Readonly<Record<string, Split>> = {
  train: "train",
  training: "train",
  valid: "validation",
  validation: "validation",
  val: "validation",
  dev: "validation",
  eval: "eval",
  evals: "eval",
  evaluation: "eval",
  test: "eval",
  tests: "eval",
  heldout: "eval",
};
/** Words that name no project. */
const PLAIN: ReadonlySet<string> = new Set([
  "data",
  "dataset",
  "datasets",
  "rows",
  "jsonl",
  "raw",
  "of",
  "part",
  "shard",
  "split",
]);
/** Room for a suffix below the config's 100. */
const MAX_NAME = 60;

/**
 * Reads a path as people name files: `chat/train-00001-of-00004.jsonl`, `data/val/faq.jsonl`, `faq_test.jsonl`.
 * @param path relative to the root   @param fallback the name where the path has none
 */
export function fileRole(path: string, fallback: string): FileRole {
  const parts = path.replace(/\.[^./]*$/, "").split("/");
  const stem = parts.pop() ?? "";
  const words = wordsOf(stem);
  let split = words.map(splitOf).find((found) => found !== null) ?? null;
  const folders = parts.filter((name) => {
    const found = splitOf(name.toLowerCase());
    split ??= found;
    return found === null;
  });
  const own = words.filter((word) => splitOf(word) === null && !PLAIN.has(word));
  const above = [...folders]
    .reverse()
    .map(wordsOf)
    .map((all) => all.filter((word) => !PLAIN.has(word)));
  const named = [own, ...above].find((all) => all.length > 0) ?? [];
  return {
    split,
    group: JSON.stringify([folders, own]),
    folder: folders.join("/"),
    name: toProjectName(named.join("-"), fallback),
  };
}

/** Numbers of shards and dates are no words. */
function wordsOf(name: string): string[] {
  return name
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !/^\d+$/.test(word));
}

function splitOf(word: string): Split | null {
  return Object.hasOwn(SPLITS, word) ? (SPLITS[word] ?? null) : null;
}

/** A text as a project's name: the config allows a-z, 0-9, dot, dash and underscore. */
export function toProjectName(text: string, fallback: string): string {
  const plain = (from: string) =>
    from
      .normalize("NFKD")
      .toLowerCase()
      .replace(/\p{M}/gu, "")
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, MAX_NAME)
      .replace(/^-+|-+$/g, "");
  return plain(text) || plain(fallback) || "rows";
}
