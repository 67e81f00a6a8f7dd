/** Content as text, in the way that rules compare it. */
import type { JsonValue, Message, PromptContent, RowContent } from "../row.js";

/** Case, punctuation and blanks do not make a text another text. */
export function normalizeText(text: string): string {
  return wordsOf(text).join(" ");
}

/** Lower-case runs of letters and digits, of any script. */
export function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  );
}

function turnsText(turns: readonly Message[]): string {
  return turns.map(({ content }) => content).join("\n");
}

/** A prompt's words; the system turn is the same for all rows and no part of the question. */
export function promptText(prompt: PromptContent): string {
  return prompt.kind === "text" ? prompt.text : turnsText(prompt.messages.filter(({ role }) => role !== "system"));
}

/** The prompts that a training row answers: one for each of its answers. */
export function promptsOf(content: RowContent): string[] {
  switch (content.kind) {
    case "messages": {
      const turns = content.messages.filter(({ role }) => role !== "system");
      return turns.flatMap(({ role }, index) =>
        role === "assistant" && index > 0 ? [turnsText(turns.slice(0, index))] : [],
      );
    }
    case "completion":
      return [content.prompt];
    case "text":
      return [content.text];
    case "preference":
      return [turnsText(content.prompt.filter(({ role }) => role !== "system"))];
  }
}

/** All that a row teaches, prompt and answers. */
export function wholeText(content: RowContent): string {
  switch (content.kind) {
    case "messages":
      return turnsText(content.messages);
    case "completion":
      return `${content.prompt}\n${content.completion}`;
    case "text":
      return content.text;
    case "preference":
      return [content.prompt, content.chosen, content.rejected].map(turnsText).join("\n");
  }
}

/** What a row answers in the end; undefined where it is no question with an answer. */
export function lastAnswer(content: RowContent): string | undefined {
  if (content.kind === "completion") return content.completion.trim();
  return content.kind === "messages" ? content.messages.at(-1)?.content.trim() : undefined;
}

/** Every string in a value, keys left out, with the path to it. */
export function* stringsOf(
  value: JsonValue,
  path: readonly (string | number)[] = [],
): Generator<{ path: readonly (string | number)[]; text: string }> {
  if (typeof value === "string") yield { path, text: value };
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* stringsOf(item as JsonValue, [...path, index]);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* stringsOf(item as JsonValue, [...path, key]);
  }
}

/** A 53-bit hash of a text (cyrb53, public domain): a number is cheaper to keep in a set than a text. */
export function hash53(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

/** 53-bit hashes of all runs of `n` words. Each word is hashed once: a run's hash is made of its words' hashes. */
export function ngramHashes(words: readonly string[], n: number): number[] {
  const hashes = words.map(hash53);
  const runs: number[] = [];
  for (let start = 0; start + n <= hashes.length; start += 1) {
    let high = n;
    let low = ~n;
    for (let index = start; index < start + n; index += 1) {
      const hash = hashes[index] ?? 0;
      high = Math.imul(high ^ (hash / 4294967296), 2246822507) + (hash | 0);
      low = Math.imul(low ^ hash, 3266489909) ^ (high >>> 15);
    }
    runs.push(4294967296 * (high & 2097151) + (low >>> 0));
  }
  return runs;
}
