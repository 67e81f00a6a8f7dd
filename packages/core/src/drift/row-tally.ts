/** What rows are like, counted: what two sets of rows are compared by. */
import { lastAnswer, promptText, wholeText } from "../checks/text.js";
import { LabelTally } from "../dataset/label-tally.js";
import { Lengths } from "../dataset/lengths.js";
import { scriptOf } from "../dataset/script-of.js";
import type { RowContent } from "../row.js";

/** Counts rows one by one; memory goes by how many different lengths there are. */
export class RowTally {
  /** In code points, of what the last answer answers, without the system turn; rows of format text have none. */
  readonly prompts = new Lengths();
  /** In code points, of the last answer, the chosen one of two; of rows of format text their text. */
  readonly answers = new Lengths();
  /** Rows by the script that most of their letters are of. */
  readonly scripts = new Map<string, number>();
  private readonly tally = new LabelTally();
  private readonly labelsNow: Map<string | null, number> | null;
  private added = 0;

  /** @param before what these rows will be compared with; its labels are the ones that are looked for */
  constructor(before?: RowTally) {
    const labels = before?.labels() ?? null;
    this.labelsNow = labels && new Map([...labels.keys(), null].map((label) => [label, 0]));
  }

  get rows(): number {
    return this.added;
  }

  add(content: RowContent): void {
    this.added += 1;
    const prompt = lastPrompt(content);
    if (prompt !== null) this.prompts.add(lengthOf(prompt));
    this.answers.add(lengthOf(answerText(content)));
    const script = scriptOf(wholeText(content));
    this.scripts.set(script, (this.scripts.get(script) ?? 0) + 1);
    const answer = lastAnswer(content);
    if (!this.labelsNow) this.tally.add(answer);
    else {
      const label = answer !== undefined && this.labelsNow.has(answer) ? answer : null;
      this.labelsNow.set(label, (this.labelsNow.get(label) ?? 0) + 1);
    }
  }

  /** @returns rows by label, under null those with an answer that was none before; null where answers are no labels */
  labels(): ReadonlyMap<string | null, number> | null {
    return this.labelsNow ?? this.tally.byAnswer();
  }
}

function lastPrompt(content: RowContent): string | null {
  switch (content.kind) {
    case "messages":
      return promptText({ kind: "messages", messages: content.messages.slice(0, -1) });
    case "preference":
      return promptText({ kind: "messages", messages: content.prompt });
    case "completion":
      return content.prompt;
    case "text":
      return null;
  }
}

function answerText(content: RowContent): string {
  if (content.kind === "text") return content.text;
  if (content.kind === "preference") return content.chosen.map(({ content: text }) => text).join("\n");
  return lastAnswer(content) ?? "";
}

function lengthOf(text: string): number {
  return [...text].length;
}
