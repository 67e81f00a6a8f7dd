/** Suites that a repository has in files of its own, as rows to copy; and answers that are labels rather than texts. */
import { inspectSuite, type JsonObject, LabelTally, resolveConfig, type WrittenConfig } from "@gitune/core";
import type { SuiteRow } from "./divide-rows.js";
import type { Draft } from "./propose-projects.js";

/** The usable rows of a draft's suite files, each id once. */
export async function readExistingSuites(
  root: string,
  draft: Draft,
  signal: AbortSignal,
): Promise<readonly SuiteRow[]> {
  const written: WrittenConfig = {
    name: draft.name,
    data: { format: draft.format, splits: { train: "train.jsonl" } },
    train: { base: "none" },
  };
  const project = { root, dir: ".", configFile: "gitune.yaml", config: resolveConfig(written) };
  const rows = new Map<string, SuiteRow>();
  for (const data of draft.suites) {
    const generation = { maxNewTokens: 1, temperature: 0, topP: 1, topK: 0, repetitionPenalty: 1, stop: [] };
    const reading = await inspectSuite(project, { name: "first", data, metrics: [], generation }, signal);
    for (const { id, prompt, references, label, tags } of reading.rows) {
      if (rows.has(id)) continue;
      rows.set(id, {
        id,
        ...(prompt.kind === "text" ? { prompt: prompt.text } : { messages: prompt.messages as readonly JsonObject[] }),
        ...(references ? { references } : {}),
        ...(label === undefined ? {} : { label }),
        ...(tags.length > 0 ? { tags } : {}),
      });
    }
  }
  return [...rows.values()];
}

/** Turns references into labels, and the labels into tags to be judged by, where the answers are a few short words. */
export function asLabels(suite: readonly SuiteRow[]): readonly SuiteRow[] {
  const answers = new LabelTally();
  for (const { references } of suite) answers.add(references?.[0]);
  if (answers.labels() === null) return suite;
  return suite.map(({ references, ...row }) => ({
    ...row,
    label: references?.[0] ?? "",
    tags: [references?.[0] ?? ""],
  }));
}
