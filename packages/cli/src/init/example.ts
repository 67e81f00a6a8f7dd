/** The rows of a repository that has none: small enough to read, and to train in seconds. */
import type { JsonObject } from "@gitune/core";
import type { SuiteRow } from "./divide-rows.js";

const PLURALS: readonly (readonly [string, string])[] = [
  ["cat", "cats"],
  ["box", "boxes"],
  ["city", "cities"],
  ["dog", "dogs"],
  ["bus", "buses"],
  ["baby", "babies"],
  ["tree", "trees"],
  ["fox", "foxes"],
  ["lady", "ladies"],
  ["book", "books"],
  ["glass", "glasses"],
  ["party", "parties"],
  ["river", "rivers"],
  ["dish", "dishes"],
  ["story", "stories"],
  ["house", "houses"],
  ["watch", "watches"],
  ["berry", "berries"],
  ["chair", "chairs"],
  ["tax", "taxes"],
  ["country", "countries"],
  ["lamp", "lamps"],
  ["bench", "benches"],
  ["pony", "ponies"],
];
const SUITE: readonly (readonly [string, string])[] = [
  ["table", "tables"],
  ["church", "churches"],
  ["family", "families"],
  ["stone", "stones"],
  ["class", "classes"],
  ["fly", "flies"],
  ["hand", "hands"],
  ["wish", "wishes"],
];

const question = (word: string) => `What is the plural of ${word}?`;

export const EXAMPLE_TRAIN: readonly JsonObject[] = PLURALS.map(([one, many]) => ({
  messages: [
    { role: "user", content: question(one) },
    { role: "assistant", content: many },
  ],
}));

export const EXAMPLE_SUITE: readonly SuiteRow[] = SUITE.map(([one, many]) => ({
  prompt: question(one),
  references: [many],
}));
