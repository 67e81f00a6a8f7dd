import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Lengths } from "../dataset/lengths.js";
import { chiSquareTail } from "./chi-square.js";
import { decileBins, populationStability } from "./psi.js";

interface Pair {
  readonly before: readonly number[];
  readonly now: readonly number[];
  readonly psi: number;
  readonly pValue: number;
}

/** test/golden/PROVENANCE.md */
interface Golden {
  readonly lengths: readonly (Pair & { readonly name: string; readonly bins: readonly (readonly number[])[] })[];
  readonly shares: readonly Pair[];
  readonly tails: readonly { readonly x: number; readonly df: number; readonly tail: number }[];
  readonly chance: readonly { readonly rows: number; readonly over: number; readonly alarms: number }[];
}

const golden = JSON.parse(readFileSync(new URL("../../test/golden/drift.json", import.meta.url), "utf8")) as Golden;

/** Both sides add and multiply doubles a few hundred times. */
function assertNear(actual: number, expected: number, what: string, tolerance = 1e-10): void {
  const off = Math.abs(actual - expected);
  assert.ok(off <= tolerance * Math.abs(expected) + 1e-300, `${what}: ${actual} is not ${expected}`);
}

function lengthsOf(values: readonly number[]): Lengths {
  const lengths = new Lengths();
  for (const value of values) lengths.add(value);
  return lengths;
}

describe("against numpy and scipy", () => {
  for (const { name, before, now, bins, psi, pValue } of golden.lengths) {
    it(`lengths: ${name}`, () => {
      const counted = decileBins(lengthsOf(before), lengthsOf(now));
      assert.deepEqual(counted, bins);
      const found = populationStability(...counted);
      assertNear(found.psi, psi, "psi");
      assertNear(found.pValue, pValue, "p");
    });
  }

  it("shares of categories", () => {
    for (const { before, now, psi, pValue } of golden.shares) {
      const found = populationStability(before, now);
      // A PSI of 1e-5 is the sum of two numbers of 3e-3, which cost it three digits.
      assertNear(found.psi, psi, `psi of ${before}`, 1e-8);
      assertNear(found.pValue, pValue, `p of ${before}`, 1e-8);
    }
  });

  it("chi-square's tail", () => {
    // exp() of a large exponent: the exponent's last digit times its size.
    for (const { x, df, tail } of golden.tails) assertNear(chiSquareTail(x, df), tail, `${x}, df ${df}`, 1e-11);
  });

  it("nothing has changed: half of all small sets are over 0.25, almost none is reported", () => {
    const [small, larger] = golden.chance;
    assert.ok(small && larger);
    assert.ok(small.rows === 30 && small.over > 0.4 && small.alarms < 0.001, JSON.stringify(small));
    assert.ok(larger.rows === 100 && larger.alarms < 0.002, JSON.stringify(larger));
  });
});

describe("the index", () => {
  const counts = fc.array(fc.tuple(fc.nat(500), fc.nat(500)), { minLength: 1, maxLength: 12 });
  const split = (pairs: readonly (readonly [number, number])[]) =>
    [pairs.map(([before]) => before), pairs.map(([, now]) => now)] as const;

  it("is finite, not negative, and 0 for the same shares", () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const [before, now] = split(pairs);
        const { psi, pValue, parts } = populationStability(before, now);
        assert.ok(Number.isFinite(psi) && psi >= 0 && pValue >= 0 && pValue <= 1, `${psi}, ${pValue}`);
        assert.ok(parts.length === before.length && parts.every((part) => part >= 0));
        const twice = before.map((rows) => 2 * rows);
        assert.ok(populationStability(before, twice).psi < 1e-20);
      }),
    );
  });

  it("does not ask which came first, nor in which order the bins are", () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const [before, now] = split(pairs);
        const { psi } = populationStability(before, now);
        const close = (other: number) => Math.abs(other - psi) <= 1e-12 * Math.max(1, psi);
        assert.ok(close(populationStability(now, before).psi));
        assert.ok(close(populationStability([...before].reverse(), [...now].reverse()).psi));
      }),
    );
  });

  it("puts each value into one bin, whatever the values are", () => {
    const values = fc.array(fc.nat(60), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(values, values, (before, now) => {
        const [old, fresh] = decileBins(lengthsOf(before), lengthsOf(now));
        const sum = (bins: readonly number[]) => bins.reduce((total, rows) => total + rows, 0);
        assert.deepEqual([sum(old), sum(fresh)], [before.length, now.length]);
        assert.ok(old.length === fresh.length && old.length <= 11);
      }),
    );
  });

  it("sees what got shorter than all before, and longer", () => {
    const constant = lengthsOf(new Array<number>(100).fill(7));
    for (const other of [6, 8]) {
      const { psi, pValue } = populationStability(
        ...decileBins(constant, lengthsOf(new Array<number>(40).fill(other))),
      );
      assert.ok(psi > 5 && pValue < 1e-20);
    }
  });
});
