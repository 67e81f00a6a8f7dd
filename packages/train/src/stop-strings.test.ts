import assert from "node:assert/strict";
import { test } from "node:test";
import { StopStrings } from "./stop-strings.js";

const TOKENS = ["Hello", " wor", "ld", "\n", "\nUs", "er: ", "x", "yz", "w", "!"];
const decode = (ids: readonly number[]) => ids.map((id) => TOKENS[id]).join("");

/** After how many tokens a row could end. */
function endOf(stops: StopStrings, ids: readonly number[]): number | null {
  const at = ids.findIndex((id) => stops.follow(0, id));
  return at < 0 ? null : at + 1;
}

for (const [title, stops, ids, tokens, text] of [
  ["inside a token", ["orl"], [0, 1, 2, 9], 3, "Hello w"],
  ["across three tokens", ["\n\nUser:"], [0, 3, 4, 5, 9, 9], 4, "Hello"],
  ["at the very start", ["Hell"], [0, 1], 1, ""],
  ["the one that is complete first, whatever follows", ["xyzw", "y"], [9, 6, 7, 8], 3, "!x"],
  ["none", ["absent"], [0, 1, 2], null, null],
] as const) {
  test(`a stop string: ${title}`, () => {
    const found = new StopStrings(stops, decode);
    assert.equal(endOf(found, ids), tokens);
    assert.deepEqual(found.cut(ids), tokens === null ? null : { text, tokens });
  });
}

test("rows are followed apart", () => {
  const stops = new StopStrings(["xyz"], decode);
  assert.deepEqual([stops.follow(0, 6), stops.follow(1, 7), stops.follow(0, 7)], [false, false, true]);
});

test("a long text is followed by its tail alone", () => {
  const lengths: number[] = [];
  const stops = new StopStrings(["xyz"], (ids) => {
    lengths.push(ids.length);
    return decode(ids);
  });
  for (let i = 0; i < 100; i++) stops.follow(0, 9);
  assert.equal(Math.max(...lengths), 7);
});
