/** docs/transcripts/release.md, from what a test's run really left: written with `GITUNE_WRITE_DOCS=1`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "./action-folder.js";
import type { JobResult } from "./workflow-runner/run-workflow.js";

export interface TranscriptParts {
  /** What `gitune release prepare --evaluate` printed, and the changelog that it wrote. */
  readonly prepared: string;
  readonly changelog: string;
  /** By name, in their order. */
  readonly jobs: Readonly<Record<string, JobResult>>;
  /** Of the GitHub release. */
  readonly title: string;
  readonly notes: string;
  /** README.md on the Hub. */
  readonly card: string;
  readonly urls: { readonly hub: string; readonly github: string };
}

/** Longer than any in a card. */
const FENCE = "`".repeat(4);

/** Does nothing but where docs are to be written. */
export function writeReleaseTranscript({ prepared, changelog, jobs, title, notes, card, urls }: TranscriptParts): void {
  if (process.env["GITUNE_WRITE_DOCS"] !== "1") return;
  const clean = (text: string) =>
    text
      .replaceAll(urls.hub, "https://huggingface.co")
      .replaceAll(urls.github, "https://github.com")
      // The card names a repository without "https://", and keeps "http://" apart so that it is no link.
      .replaceAll(urls.github.replace("://", ":\u200b//"), "github.com")
      .replaceAll(new RegExp(`${tmpdir()}/gitune-workflow-\\w+/[\\w-]+/workspace`, "g"), "/home/runner/work/rows")
      .replaceAll(new RegExp(`${tmpdir()}/[\\w./-]+`, "g"), "…")
      .trim();
  const block = (kind: string, text: string) => [`${FENCE}${kind}`, clean(text), FENCE, ""];
  const text = [
    "# A release, from new rows to the Hub",
    "",
    "Written by `GITUNE_WRITE_DOCS=1 node scripts/test.mjs e2e/dist/action/release.test`: our own workflow files, the real command line and training,",
    "a Hub and a GitHub on loopback, whose addresses are shown as the real ones. The base has random weights and the gate lets",
    "everything pass: a transcript of the flow, not of a good model.",
    "",
    "## The next version",
    "",
    "Two rows were merged since `colours@1.0.0`. At night, or by hand:",
    "",
    ...block("console", `$ gitune release prepare --evaluate\n${prepared}`),
    "The pull request `Release adapters` has this in the project's `CHANGELOG.md`:",
    "",
    ...block("markdown", changelog),
    "## The tag",
    "",
    "After the merge `git tag colours@1.1.0 && git push origin colours@1.1.0` starts the workflow. What its jobs say:",
    "",
    ...Object.entries(jobs).flatMap(([name, { conclusion, log }]) => [
      `### ${name}: ${conclusion}`,
      "",
      ...block("text", stepsOf(log)),
    ]),
    "## The GitHub release",
    "",
    `Somebody had made one with the title ${JSON.stringify(title)} and a sentence of thanks; both stay.`,
    "",
    ...block("markdown", notes),
    "## The card on the Hub",
    "",
    ...block("markdown", card),
  ].join("\n");
  const folder = join(REPOSITORY, "docs/transcripts");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "release.md"), text);
}

/** A job's log as GitHub shows it: a line a step, and what it says. */
function stepsOf(log: string): string {
  const lines = log.split("\n").filter((line) => !/^##\[(?:endgroup|section)\]/.test(line));
  return lines.map((line) => line.replace(/^##\[group\]/, "▸ ").replace(/@[0-9a-f]{40}$/, "")).join("\n");
}
