/** Every verb: its summary for the overview, and where its code is. Only the verb that runs is loaded. */
import type { Verb } from "./verb.js";

export interface VerbEntry {
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

export const VERBS = {
  init: {
    summary: "find rows, or make an example, and write projects, suites and workflows; never over a file",
    load: async () => (await import("./commands/init.js")).init,
  },
  validate: {
    summary: "check rows, schemas and config; --fix mends what can be mended without loss",
    load: async () => (await import("./commands/validate.js")).validate,
  },
  stats: {
    summary: "count rows, tokens, lengths, labels and scripts, split by split",
    load: async () => (await import("./commands/stats.js")).stats,
  },
  diff: {
    summary: "show which rows were added, removed, changed or moved between two git states",
    load: async () => (await import("./commands/diff.js")).diff,
  },
  train: {
    summary: "train one project's adapter",
    load: async () => (await import("./commands/train.js")).train,
  },
  eval: {
    summary: "run a project's eval suites on the base, with or without an adapter",
    load: async () => (await import("./commands/eval.js")).evaluate,
  },
  compare: {
    summary: "compare two results files by a project's gate",
    load: async () => (await import("./commands/compare.js")).compare,
  },
  plan: {
    summary: "say what run would have to train and evaluate, and judge what needs neither",
    load: async () => (await import("./commands/plan.js")).plan,
  },
  run: {
    summary: "the whole pull-request pipeline: validate, diff, train, eval, gate, report",
    load: async () => (await import("./commands/run.js")).run,
  },
  refresh: {
    summary: "pull new rows from the sources, train, eval and gate them, and propose them on a branch",
    load: async () => (await import("./commands/refresh.js")).refresh,
  },
  generate: {
    summary: "continue prompts with a base model, with or without an adapter",
    load: async () => (await import("./commands/generate.js")).generate,
  },
  publish: {
    summary: "the gated adapter of a release, its card and its tag to the Hugging Face Hub",
    load: async () => (await import("./commands/publish.js")).publish,
  },
  release: {
    summary: "where releases stand; repair what was cut off, roll back to an earlier version",
    load: async () => (await import("./commands/release.js")).release,
  },
  score: {
    summary: "score predictions against references",
    load: async () => (await import("./commands/score.js")).score,
  },
  doctor: {
    summary: "say what this machine can run, and how to add what is missing",
    load: async () => (await import("./commands/doctor.js")).doctor,
  },
} as const satisfies Readonly<Record<string, VerbEntry>>;

export type VerbName = keyof typeof VERBS;

/** Whether a word is a verb of ours. */
export function isVerbName(word: string): word is VerbName {
  return Object.hasOwn(VERBS, word);
}
