/** The count of tokens that the rule `tokens` needs: by the base's tokenizer, without the engine. */
import { join } from "node:path";
import {
  cacheKey,
  canonicalJson,
  checkBase,
  GituneError,
  hashFile,
  type Issue,
  listSplit,
  type Project,
  type RowContent,
  type Store,
  sha256Hex,
} from "@gitune/core";
import type { FindTokenizer } from "./open-base.js";
import { readVersion } from "./version.js";

type CountTokens = (content: RowContent) => { total: number; supervised: number };

export interface TokenCounter {
  readonly countTokens: CountTokens | null;
  /** Why there is none, where there should be. */
  readonly issues: readonly Issue[];
  /** Keeps the counts for the next time. */
  readonly save: () => Promise<void>;
}

const NONE: TokenCounter = { countTokens: null, issues: [], save: async () => undefined };

/**
 * For the rule: none where it is off.
 * @param store counts of rows that were counted before are taken from it; null counts all
 */
export async function tokenCounter(project: Project, store: Store | null, find: FindTokenizer): Promise<TokenCounter> {
  return isCounted(project) ? tokenCounterOfBase(project, store, find) : NONE;
}

/** Whether the rule is on. */
export function isCounted({ config }: Project): boolean {
  return (config.checks["tokens"]?.level ?? "off") !== "off";
}

/** None where the base is not on this machine: that is said by another check. */
export async function tokenCounterOfBase(
  project: Project,
  store: Store | null,
  find: FindTokenizer,
): Promise<TokenCounter> {
  // What is not there, or leads elsewhere, another check says.
  if ((await checkBase(project)).length > 0) return NONE;
  try {
    const base = await find(project);
    if (base === null) return NONE;
    const { countTokens, loadTokenizer } = await import("@gitune/train/tokenizer");
    const count = countTokens({ tokenizer: await loadTokenizer(base) });
    return store === null ? { ...NONE, countTokens: count } : await remembering(count, project, base, store);
  } catch (error) {
    if (!(error instanceof GituneError) || error.exitCode === 3) throw error;
    return { ...NONE, issues: error.issues.map((issue) => ({ ...issue, project: project.config.name })) };
  }
}

/** Content's hash -> [all tokens, supervised tokens]. */
type Counts = Readonly<Record<string, readonly [number, number]>>;

/** Counting is most of a validation's time. What is counted depends on the tokenizer's files and the rows' files. */
async function remembering(count: CountTokens, project: Project, base: string, store: Store): Promise<TokenCounter> {
  const key = cacheKey({
    part: "tokens",
    version: readVersion(),
    tokenizer: await hashFiles(tokenizerFiles(base)),
    rows: await hashFiles(await splitPaths(project)),
    data: project.config.data,
  });
  const known = new Map(Object.entries(((await store.getJson(key)) ?? {}) as Counts));
  let isNew = false;
  return {
    issues: [],
    countTokens: (content) => {
      const hash = sha256Hex(canonicalJson(content));
      const found = known.get(hash);
      if (found) return { total: found[0], supervised: found[1] };
      const counted = count(content);
      known.set(hash, [counted.total, counted.supervised]);
      isNew = true;
      return counted;
    },
    save: async () => {
      if (isNew) await store.putJson(key, Object.fromEntries(known));
    },
  };
}

/** A GGUF file has its tokenizer in itself. */
function tokenizerFiles(base: string): readonly string[] {
  return base.endsWith(".gguf") ? [base] : TOKENIZER_FILES.map((name) => join(base, name));
}

const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "chat_template.jinja",
  "generation_config.json",
  "config.json",
];

async function splitPaths(project: Project): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const split of Object.keys(project.config.data.splits)) {
    for (const file of (await listSplit(project, split)).files) paths.push(join(project.root, file));
  }
  return paths;
}

/** Null for a file that is not there. */
async function hashFiles(paths: readonly string[]): Promise<readonly (string | null)[]> {
  return Promise.all(
    paths.map((path) =>
      hashFile(path).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }),
    ),
  );
}
