import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RowContent } from "../row.js";
import { compareRows, type DriftMeasure, driftText } from "./compare-rows.js";
import { RowTally } from "./row-tally.js";

const ask = (prompt: string, completion: string): RowContent => ({ kind: "completion", prompt, completion });

/** A fixed sequence in [0, 1): Lehmer's generator. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

function tally(contents: readonly RowContent[], before?: RowTally): RowTally {
  const made = new RowTally(before);
  for (const content of contents) made.add(content);
  return made;
}

function compare(before: readonly RowContent[], now: readonly RowContent[], max = 0.25): readonly DriftMeasure[] {
  const old = tally(before);
  return compareRows(old, tally(now, old), max);
}

const drifted = (measures: readonly DriftMeasure[]) =>
  measures.filter(({ isDrifted }) => isDrifted).map(({ measure }) => measure);

const LABELS = ["billing", "delivery", "refund", "other"] as const;
/** @param skew the more, the more often the last label */
function tickets(rows: number, seed: number, { skew = 1, longer = 0, word = "word" } = {}): readonly RowContent[] {
  const next = random(seed);
  return Array.from({ length: rows }, () => {
    const words = 3 + longer + Math.floor(20 * next() * next());
    const label = LABELS[Math.floor(LABELS.length * next() ** (1 / skew))] ?? "other";
    return ask(`${word} `.repeat(words), label);
  });
}

describe("new rows and those before", () => {
  it("of one kind are no drift, however few or many they are", () => {
    for (const rows of [30, 60, 200, 2_000])
      for (let seed = 1; seed <= 5; seed += 1) {
        const found = compare(tickets(500, 1000 + seed), tickets(rows, seed));
        assert.deepEqual(drifted(found), [], `${rows} rows, seed ${seed}: ${JSON.stringify(found)}`);
        assert.equal(found.length, 3);
      }
  });

  it("drift in one thing, and only that is said", () => {
    const before = tickets(500, 1);
    assert.deepEqual(drifted(compare(before, tickets(60, 2, { longer: 15 }))), ["prompt_length"]);
    assert.deepEqual(drifted(compare(before, tickets(60, 2, { skew: 4 }))), ["labels"]);
    assert.deepEqual(drifted(compare(before, tickets(60, 2, { word: "слов" }))), ["scripts"]);
    const answers = tickets(60, 2).map(() => ask("word word word word word", "unknown, since nobody has looked at it"));
    assert.deepEqual(drifted(compare(before, answers)), ["prompt_length", "labels"]);
  });

  it("are not judged by fewer than 30 rows, and `max` says how much is too much", () => {
    const before = tickets(500, 1);
    const other = tickets(60, 2, { longer: 15 });
    assert.deepEqual(compare(before, other.slice(0, 29)), []);
    assert.deepEqual(compare(before.slice(0, 29), other), []);
    assert.deepEqual(drifted(compare(before, other.slice(0, 30))), ["prompt_length"]);
    assert.deepEqual(drifted(compare(before, other, 100)), []);
  });

  it("have no labels where answers are texts", () => {
    const texts = (from: number) => Array.from({ length: 50 }, (_, at) => ask("why?", `because of ${from + at}`));
    assert.deepEqual(
      compare(texts(0), texts(100)).map(({ measure }) => measure),
      ["prompt_length", "answer_length", "scripts"],
    );
    const plain = texts(0).map((): RowContent => ({ kind: "text", text: "a text" }));
    assert.deepEqual(
      compare(plain, plain).map(({ measure }) => measure),
      ["answer_length", "scripts"],
    );
  });

  it("are measured without the system turn, and a preference by what was chosen", () => {
    const turn = (role: "system" | "user" | "assistant", content: string) => ({ role, content });
    const chat = tally([
      { kind: "messages", messages: [turn("system", "x".repeat(99)), turn("user", "12"), turn("assistant", "👍🏽3")] },
    ]);
    assert.deepEqual([chat.prompts.sorted(), chat.answers.sorted()], [[[2, 1]], [[3, 1]]]);
    const pair = tally([
      {
        kind: "preference",
        prompt: [turn("user", "1")],
        chosen: [turn("assistant", "12")],
        rejected: [turn("assistant", "123")],
      },
    ]);
    assert.deepEqual([pair.prompts.sorted(), pair.answers.sorted()], [[[1, 1]], [[2, 1]]]);
  });

  it("a drift in words: what moved most, and never a secret", () => {
    const row = (label: string) => ask("what?", label);
    const rows = (...counts: readonly (readonly [string, number])[]) =>
      counts.flatMap(([label, count]) => new Array<RowContent>(count).fill(row(label)));
    const find = (before: readonly RowContent[], now: readonly RowContent[]) => {
      const found = compare(before, now).find(({ measure }) => measure === "labels");
      return found ? driftText(found, (text) => `<${text}>`) : "";
    };
    const before = rows(["yes", 90], ["no", 10]);
    assert.match(find(before, rows(["yes", 20], ["no", 20])), /^labels, PSI \d\.\d\d: "<no>" 10\.0% → 50\.0%$/);
    assert.match(find(before, rows(["maybe", 40])), /: not seen before 0\.0% → 100\.0%$/);
    const personal = rows(["yes", 40], ["no", 40], ["jane@acme-mail.com", 40]);
    assert.match(find(personal, rows(["yes", 20], ["no", 20])), /: "<an e-mail address>" 33\.3% → 0\.0%$/);
    const [length] = compare(rows(["yes", 50]), new Array<RowContent>(50).fill(ask("x".repeat(1200), "yes")));
    assert.ok(length);
    assert.match(driftText(length, String), /^length of prompts, PSI \d+\.\d\d: median 5 → 1,200 characters$/);
  });
});
