import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { readKeys } from "../models/families/keys.js";
import { ROPE_KEYS, readRope } from "../models/families/rope-keys.js";
import { ropeFrequencies } from "./rope-frequencies.js";

interface GoldenRope {
  readonly headDim: number;
  readonly maxPositions: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly inverse: readonly number[];
  readonly attentionFactor: number;
}

const GOLDEN = JSON.parse(
  readFileSync(new URL("../../test/golden/families/rope.json", import.meta.url), "utf8"),
) as GoldenRope[];

/** A few units in the last place of f32: powers and blends round in another order. */
const TOLERANCE = 5e-7;

describe("ropeFrequencies: what transformers computes for the same parameters", () => {
  for (const { headDim, maxPositions, parameters, inverse, attentionFactor } of GOLDEN) {
    test(JSON.stringify(parameters), () => {
      // transformers before 5 called the same dictionary rope_scaling, and left theta outside.
      const { rope_theta: theta, rope_type: type, ...rest } = parameters;
      for (const spelling of [
        { rope_parameters: parameters },
        { rope_theta: theta, rope_scaling: { ...rest, rope_type: type } },
        { rope_theta: theta, rope_scaling: { ...rest, type } },
      ]) {
        const values = readKeys(ROPE_KEYS, spelling, { file: "config.json", pointer: "" }, "rope");
        const got = ropeFrequencies(headDim, readRope(values, "config.json", maxPositions));
        assert.equal(got.inverse.length, inverse.length);
        for (const [i, want] of inverse.entries()) {
          const error = Math.abs(got.inverse[i]! - want) / want;
          assert.ok(error <= TOLERANCE, `pair ${i}: ${got.inverse[i]}, wanted ${want}`);
        }
        assert.ok(Math.abs(got.attentionFactor - attentionFactor) <= 1e-12, `${got.attentionFactor}`);
      }
    });
  }
});
