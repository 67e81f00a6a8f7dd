/** For tests: a whole report of a project with a suite that generates. */
import type { EvalRow, Issue, ProjectDiff } from "@gitune/core";
import { compareResults } from "../gate/compare-results.js";
import type { ReportInput } from "../report/report.js";
import { evalRow, gate, resultsOf, rule } from "./results.js";

const SHA = { base: "1a".repeat(20), head: "2b".repeat(20) };

const diff: ProjectDiff = {
  name: "support-tickets",
  splits: [
    {
      split: "train",
      added: 2,
      removed: 0,
      changed: 1,
      moved: 0,
      unchanged: 1200,
      rows: [
        {
          key: "t1",
          kind: "changed",
          before: { answer: "old" },
          after: { answer: "new" },
          file: "train/a.jsonl",
          line: 7,
        },
        { key: "t2", kind: "added", after: { answer: "more" }, file: "train/a.jsonl", line: 9 },
        { key: "t3", kind: "moved", file: "train/a.jsonl", line: 10 },
      ],
    },
  ],
};

export interface ReportScene {
  readonly rows?: readonly EvalRow[];
  readonly base?: readonly string[];
  readonly head?: readonly string[];
  readonly margin?: number;
  readonly issues?: readonly Issue[];
}

/** Every third answer gets worse, and one gets better, unless the scene says otherwise. */
export async function reportInput(scene: ReportScene = {}): Promise<ReportInput> {
  const rows =
    scene.rows ??
    Array.from({ length: 24 }, (_, i) =>
      evalRow(`q${i}`, `a short synopsis of package ${i}`, { tags: [i % 2 ? "libs" : "games"] }),
    );
  const right = rows.map((row) => row.references?.[0] ?? row.label ?? "");
  const before = scene.base ?? right.map((text, i) => (i === 1 ? "nothing of it" : text));
  const after = scene.head ?? right.map((text, i) => (i % 3 === 0 ? "wrong" : text));
  const metrics = ["rougeL", "exact_match"];
  const results = {
    base: await resultsOf(rows, before, metrics),
    head: await resultsOf(rows, after, metrics),
    bare: await resultsOf(
      rows,
      right.map(() => "no idea"),
      metrics,
    ),
  };
  const policy = gate(
    rule({ suite: "answers", metric: "rougeL", maxRegression: scene.margin ?? 0.01 }),
    rule({ suite: "answers", metric: "exact_match", min: 0.5 }),
    ...(rows.some(({ tags }) => tags.includes("libs"))
      ? [rule({ suite: "answers", metric: "rougeL", slice: "libs", maxRegression: 0.03 })]
      : []),
  );
  const summary = {
    steps: 6,
    loss: 1.234,
    losses: [3, 2.4, 1.9, 1.5, 1.3, 1.234],
    learningRates: [0, 0.002, 0.0015, 0.001, 0.0005, 0],
    validation: [
      { step: 2, loss: 2.1 },
      { step: 4, loss: 1.5 },
      { step: 6, loss: 1.6 },
    ],
    keptStep: 4,
    tokens: 9000,
    tokensPerSecond: 1500,
    seconds: 95,
  };
  return {
    project: "support-tickets",
    base: { ref: "main", sha: SHA.base },
    head: { ref: "better-answers", sha: SHA.head },
    gate: policy,
    comparison: compareResults(results.base, results.head, policy),
    results,
    diff,
    train: { base: { ...summary, cached: true }, head: { ...summary, cached: false } },
    rows: { answers: rows },
    issues: scene.issues ?? [],
  };
}
