import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GituneError } from "@gitune/core";
import { gradients } from "../autodiff/grad.js";
import { evaluate } from "../backends/reference/run.js";
import { sizeOf } from "../ir/shape.js";
import { verifyGraph } from "../ir/verify.js";
import { expandComposites } from "../passes/expand-composites.js";
import { BAD_OPERANDS, operands } from "../testing/bad-operands.js";
import { prepareCase, weightedSum } from "../testing/op-case.js";
import { OP_CASES } from "../testing/op-cases.js";
import { type WeightFixture, writeWeightFixture } from "../testing/weight-fixture.js";
import { COMPOSITES, type CompositeName, OPS, PRIMITIVES, type PrimitiveName } from "./table.js";

const NAMES = Object.keys({ ...PRIMITIVES, ...COMPOSITES }) as (PrimitiveName | CompositeName)[];

let weights: WeightFixture;
before(async () => {
  weights = await writeWeightFixture();
});
after(() => weights.remove());

test("an op's key in the table is its name", () => {
  for (const [key, { name }] of Object.entries(OPS)) assert.equal(name, key);
});

for (const op of NAMES) {
  test(`${op}: the shape rule says what the reference computes`, () => {
    for (const one of OP_CASES[op]) {
      const { graph, inputs, value, feeds, trainable } = prepareCase(op, one, weights);
      if (OPS[op].vjp && trainable.length > 0 && value.dtype === "f32") {
        gradients(
          weightedSum(value),
          trainable.map((name) => inputs[name]!),
        );
      }
      verifyGraph(graph.nodes);
      verifyGraph(expandComposites(graph.nodes), { lowered: true });
      // Every node that the op, its gradient and their expansions are made of.
      const nodes = [...graph.nodes].filter(({ def }) => def.name !== "input" && def.name !== "weight");
      for (const [i, { data, shape }] of evaluate(nodes, feeds).entries()) {
        assert.deepEqual(shape, nodes[i]!.shape);
        assert.equal(data.length, sizeOf(shape), `${one.title}: %${nodes[i]!.id} ${nodes[i]!.def.name}`);
        if (nodes[i]!.dtype === "i64") assert.ok(data.every(Number.isSafeInteger));
        assert.ok(data.every(Number.isFinite), `${one.title}: %${nodes[i]!.id} ${nodes[i]!.def.name} is finite`);
      }
    }
  });

  describe(`${op} refuses`, () => {
    for (const { title, build, says } of BAD_OPERANDS[op]) {
      test(title, () => {
        assert.throws(
          () => build(operands()),
          (error) => {
            assert.ok(error instanceof GituneError, String(error));
            assert.equal(error.issues[0]?.code, "engine.shape");
            assert.equal(error.exitCode, 3);
            assert.ok(error.message.startsWith(`${op}: `), error.message);
            assert.ok(error.message.includes(says), error.message);
            return true;
          },
        );
      });
    }
  });
}
