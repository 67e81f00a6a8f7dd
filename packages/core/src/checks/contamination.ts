/**
 * Train rows that overlap an eval suite. Two tests: a train row asks a suite's prompt (case, punctuation and blanks
 * aside), or it holds at least `overlap` of the word n-grams of a suite row.
 *
 * n-grams of 13 words are GPT-3's (Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix C). Beyond the paper:
 * a share of them is asked for, as PaLM does, since one common sentence is no leak; and n-grams that three rows of a
 * suite have are its instruction, not its content, and do not count.
 */
import type { CheckConfig } from "../config/config.js";
import type { Row } from "../row.js";
import { type CheckContext, type CheckRun, numberOption, type SuiteRows } from "./check.js";
import { ngramHashes, normalizeText, promptsOf, promptText, wholeText, wordsOf } from "./text.js";

const DEFAULT_NGRAM = 13;
const DEFAULT_OVERLAP = 0.5;
/** So many rows of one suite with the same n-gram make it a part of the instruction. */
const BOILERPLATE_ROWS = 3;

export const contamination = (options: CheckConfig, { suites }: Pick<CheckContext, "suites">): CheckRun | null => {
  if (suites.length === 0) return null;
  const n = numberOption(options, "ngram", DEFAULT_NGRAM);
  const overlap = numberOption(options, "overlap", DEFAULT_OVERLAP);
  const index = buildIndex(suites, n);
  return {
    onRow({ split, content }) {
      if (split !== "train") return [];
      for (const prompt of promptsOf(content)) {
        const name = index.prompts.get(normalizeText(prompt));
        if (name !== undefined)
          return [{ code: "data.contamination", pointer: "", message: `the row asks what ${name} asks`, fix: FIX }];
      }
      if (index.grams.size === 0) return [];
      const hits = new Map<number, number>();
      for (const gram of new Set(ngramHashes(wordsOf(wholeText(content)), n))) {
        for (const row of index.grams.get(gram) ?? []) hits.set(row, (hits.get(row) ?? 0) + 1);
      }
      for (const [row, count] of hits) {
        const { name, grams } = index.rows[row] ?? { name: "", grams: 0 };
        if (count < overlap * grams) continue;
        const share = Math.round((100 * count) / grams);
        return [
          {
            code: "data.contamination",
            pointer: "",
            message: `the row holds ${share}% of the ${n}-word runs of ${name}`,
            expected: `less than ${Math.round(overlap * 100)}%`,
            found: `${share}%`,
            fix: FIX,
          },
        ];
      }
      return [];
    },
  };
};

const FIX = "remove the row from training, or from the suite";

interface Index {
  /** Normalized prompt -> the row's name. */
  readonly prompts: ReadonlyMap<string, string>;
  /** n-gram -> numbers of the rows that have it. */
  readonly grams: ReadonlyMap<number, readonly number[]>;
  /** `grams`: how many of its own a row has. */
  readonly rows: readonly { readonly name: string; readonly grams: number }[];
}

function buildIndex(suites: readonly SuiteRows[], n: number): Index {
  const prompts = new Map<string, string>();
  const grams = new Map<number, number[]>();
  const rows: { name: string; grams: number }[] = [];
  for (const { project, suite, rows: evalRows } of suites) {
    const counts = new Map<number, number>();
    const gramsOfRows = evalRows.map((row) => {
      const text = [promptText(row.prompt), ...(row.references ?? [])].join("\n");
      const own = [...new Set(ngramHashes(wordsOf(text), n))];
      for (const gram of own) counts.set(gram, (counts.get(gram) ?? 0) + 1);
      return own;
    });
    for (const [position, row] of evalRows.entries()) {
      const name = `row ${JSON.stringify(row.id.slice(0, 80))} of suite ${project}/${suite}`;
      const prompt = normalizeText(promptText(row.prompt));
      if (prompt !== "" && !prompts.has(prompt)) prompts.set(prompt, name);
      const own = (gramsOfRows[position] ?? []).filter((gram) => (counts.get(gram) ?? 0) < BOILERPLATE_ROWS);
      for (const gram of own) {
        const list = grams.get(gram);
        if (list) list.push(rows.length);
        else grams.set(gram, [rows.length]);
      }
      rows.push({ name, grams: own.length });
    }
  }
  return { prompts, grams, rows };
}

/** Whether a row to train on overlaps a suite, as the rule says with its defaults. */
export function findOverlaps(suites: readonly SuiteRows[]): (row: Row) => boolean {
  const run = contamination({ level: "error" }, { suites });
  return (row) => run !== null && run.onRow({ ...row, split: "train" }).length > 0;
}
