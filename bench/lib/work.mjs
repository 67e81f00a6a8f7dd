/**
 * What both sides compute: rows as token ids and label masks (1 = label), made from the repository's own datasets with
 * the model's tokenizer and template, the same in every run.
 */
import { readFileSync } from "node:fs";
import { encodeRow, loadTokenizer } from "./gitune-api.mjs";

/** @typedef {{ ids: number[], labels: number[] }} WorkRow */

const datasets = new URL("../../datasets/", import.meta.url);
const readRows = (file) =>
  readFileSync(new URL(file, datasets), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).messages);

/** Turns of the chat set's rows, in turn: most conversations are short, some are not. */
const TURNS = [1, 3, 1, 2, 4, 2, 1];

export class Work {
  #tokenizer;

  /** @param {string} base the model's Hugging Face folder */
  static async open(base) {
    return new Work(await loadTokenizer(base));
  }

  constructor(tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /**
   * Steps of equally long rows, every token a label: real text, cut where the length says.
   * @param {{ rows: number, length: number, steps: number }} sizes
   * @returns {WorkRow[][]}
   */
  full({ rows, length, steps }) {
    const conversations = readRows("package-synopsis/train/0001.jsonl");
    const text = conversations.map(([user, assistant]) => `${user.content}\n${assistant.content}\n`).join("\n");
    const needed = rows * length * steps;
    // Around four characters a token; five leave some over.
    const stream = this.#tokenizer.encode(text.slice(0, needed * 5 + 1000));
    while (stream.length < needed) stream.push(...stream.slice(0, needed - stream.length));
    return Array.from({ length: steps }, (_, step) =>
      Array.from({ length: rows }, (_, row) => {
        const at = (step * rows + row) * length;
        return { ids: stream.slice(at, at + length), labels: new Array(length).fill(1) };
      }),
    );
  }

  /**
   * Steps of conversations of different lengths, around 30% of the tokens labels: one to four turns about packages, of
   * which some ask for a one-line summary and some for the description behind it.
   * @param {{ rows: number, steps: number, grouped: boolean }} sizes `grouped`: rows of similar length share a step, as a
   *   Trainer's `group_by_length` makes them
   * @returns {WorkRow[][]}
   */
  chat({ rows, steps, grouped }) {
    const conversations = readRows("package-synopsis/train/0002.jsonl");
    const made = Array.from({ length: rows * steps }, (_, row) => this.#conversation(conversations, row));
    if (grouped) made.sort((a, b) => a.ids.length - b.ids.length);
    const groups = Array.from({ length: steps }, (_, step) => made.slice(step * rows, (step + 1) * rows));
    // Sorted groups are taken in a mixed order, so that a short run meets all lengths.
    return grouped ? mixed(groups) : groups;
  }

  /**
   * Prompts as generation sees them.
   * @param {number} count
   * @returns {number[][]}
   */
  prompts(count) {
    const tokenizer = this.#tokenizer;
    return readRows("package-synopsis/evals/synopsis.jsonl")
      .slice(0, count)
      .map((messages) => [...tokenizer.encode(tokenizer.renderChat(messages, { addGenerationPrompt: true }))]);
  }

  #conversation(conversations, row) {
    const turns = TURNS[row % TURNS.length];
    const messages = Array.from({ length: turns }, (_, turn) => {
      const [question, answer] = conversations[(row * 4 + turn) % conversations.length];
      const isReversed = (row + turn) % 5 < 2;
      return isReversed
        ? [
            { role: "user", content: `Describe the package that is summarised so: ${answer.content}` },
            { role: "assistant", content: question.content.replace(/^.*\n\n/, "") },
          ]
        : [question, answer];
    }).flat();
    const content = { kind: "messages", messages };
    const encoded = encodeRow({ content, key: String(row), file: "work", line: row + 1 }, this.#tokenizer, {
      maxLength: 1024,
      overflow: "error",
    });
    if (encoded.kind !== "encoded")
      throw new Error(`row ${row} of the chat set is not usable: ${JSON.stringify(encoded)}`);
    return { ids: [...encoded.ids], labels: [...encoded.labelMask] };
  }
}

/** An order that looks random and is the same each time: by a multiplicative hash of the place. */
function mixed(items) {
  const hash = (index) => Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return items
    .map((item, index) => ({ item, at: hash(index) }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** What a report says of some steps. @param {WorkRow[][]} steps */
export function describeWork(steps) {
  const rows = steps.flat();
  const tokens = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  const labels = rows.reduce((sum, row) => sum + row.labels.filter(Boolean).length, 0);
  const lengths = rows.map(({ ids }) => ids.length);
  const padded = steps.reduce((sum, step) => sum + step.length * Math.max(...step.map(({ ids }) => ids.length)), 0);
  return {
    rows: rows.length,
    tokens,
    labelShare: labels / tokens,
    shortest: Math.min(...lengths),
    longest: Math.max(...lengths),
    paddingShare: 1 - tokens / padded,
  };
}

/** Tokens of a step, padding not counted. @param {WorkRow[]} rows */
export const tokensOf = (rows) => rows.reduce((sum, { ids }) => sum + ids.length, 0);
