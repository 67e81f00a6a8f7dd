/** For tests: golden files and comparison of numbers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Reads packages/eval/test/golden/<name>; the caller names its shape, since we write these files ourselves. */
export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../test/golden/${name}`, import.meta.url), "utf8")) as T;
}

/** |actual - expected| <= tolerance · max(1, |expected|). */
export function assertClose(actual: number, expected: number, tolerance: number, message: string): void {
  const distance = Math.abs(actual - expected);
  assert.ok(
    distance <= tolerance * Math.max(1, Math.abs(expected)),
    `${message}: ${actual} is not ${expected} (off by ${distance})`,
  );
}
