import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gradients } from "../autodiff/grad.js";
import { evaluate } from "../backends/reference/run.js";
import { Graph, type Node, topologicalOrder } from "../ir/node.js";
import { verifyGraph } from "../ir/verify.js";
import { expandComposites } from "../passes/expand-composites.js";
import { assertClose } from "../testing/compare.js";
import { prepareCase, weightedSum } from "../testing/op-case.js";
import { OP_CASES } from "../testing/op-cases.js";
import { type WeightFixture, writeWeightFixture } from "../testing/weight-fixture.js";
import { add, mul } from "./elementwise.js";
import { input } from "./leaf.js";
import { swiglu } from "./swiglu.js";
import { COMPOSITES, type CompositeName } from "./table.js";

type Values = readonly (readonly number[])[];

/** What each composite means, written out without the graph: operands flat, in order. */
const MEANING: { readonly [K in CompositeName]: (node: Node, operands: Values) => number[] } = {
  int8Linear: (node, [x, w, columns]) => {
    const [[rows, dIn], [, dOut]] = [node.src[0]!.shape, node.src[1]!.shape] as [[number, number], [number, number]];
    return Array.from({ length: rows * dOut }, (_, i) => {
      const row = x!.slice(Math.floor(i / dOut) * dIn, (Math.floor(i / dOut) + 1) * dIn);
      const scale = Math.max(...row.map(Math.abs)) / 127;
      const whole = row.reduce((sum, value, k) => sum + Math.round(value / scale) * w![k * dOut + (i % dOut)]!, 0);
      return whole * scale * columns![i % dOut]!;
    });
  },
  swiglu: (_, [gate, up]) => gate!.map((g, i) => (g / (1 + Math.exp(-g))) * up![i]!),
  attention: (node, [q, k, v, mask]) => {
    const [batch, groups, rows, dim] = node.src[0]!.shape as [number, number, number, number];
    const [keys, dimV] = [node.src[1]!.shape[2]!, node.src[2]!.shape[3]!];
    const [masks, queries] = node.src[3]!.shape as [number, number];
    const out: number[] = [];
    for (let b = 0; b < batch; b++) {
      for (let g = 0; g < groups; g++) {
        const head = b * groups + g;
        for (let r = 0; r < rows; r++) {
          const scores = Array.from({ length: keys }, (_, j) => {
            let dot = 0;
            for (let d = 0; d < dim; d++) dot += q![(head * rows + r) * dim + d]! * k![(head * keys + j) * dim + d]!;
            return dot * (node.attrs["scale"] as number) + mask![((b % masks) * queries + (r % queries)) * keys + j]!;
          });
          const p = softmaxOf(scores);
          for (let d = 0; d < dimV; d++)
            out.push(p.reduce((s, pj, j) => s + pj * v![(head * keys + j) * dimV + d]!, 0));
        }
      }
    }
    return out;
  },
  headLoss: (node, [h, head, labels, weights]) => {
    const [rows, d] = node.src[0]!.shape as [number, number];
    let loss = 0;
    for (let r = 0; r < rows; r++) {
      const logits = Array.from({ length: node.src[1]!.shape[0]! }, (_, t) => {
        let dot = 0;
        for (let i = 0; i < d; i++) dot += h![r * d + i]! * head![t * d + i]!;
        return dot;
      });
      loss -= weights![r]! * Math.log(Math.max(softmaxOf(logits)[labels![r]!]!, 1.2e-38));
    }
    return [loss];
  },
};

function softmaxOf(scores: readonly number[]): number[] {
  const max = Math.max(...scores);
  const exps = scores.map((score) => Math.exp(score - max));
  const total = exps.reduce((sum, value) => sum + value, 0);
  return exps.map((value) => value / total);
}

let fixture: WeightFixture;
before(async () => {
  fixture = await writeWeightFixture();
});
after(() => fixture.remove());

for (const op of Object.keys(COMPOSITES) as CompositeName[]) {
  describe(`${op}: its expansion computes what it means`, () => {
    for (const one of OP_CASES[op]) {
      test(one.title, () => {
        const { value, feeds } = prepareCase(op, one, fixture);
        assert.equal(value.def.name, op);
        const operands = evaluate(value.src, feeds).map(({ data }) => [...data]);
        assertClose(evaluate([value], feeds)[0]!.data, MEANING[op](value, operands), 1e-7, op);
      });

      test(`${one.title}: nothing composite is left after lowering, forward and backward`, () => {
        const { inputs, value, trainable } = prepareCase(op, one, fixture);
        const wrt = trainable.map((name) => inputs[name]!);
        const outputs = [value, ...gradients(weightedSum(value), wrt)];
        const lowered = expandComposites(outputs);
        verifyGraph(lowered, { lowered: true });
        assert.deepEqual(
          lowered.map(({ shape }) => shape),
          outputs.map(({ shape }) => shape),
        );
      });
    }
  });
}

test("users of a composite are rebuilt on its expansion, others are left as they are", () => {
  const graph = new Graph();
  const [a, b] = [input(graph, "a", [2]), input(graph, "b", [2])];
  const untouched = mul(a, b);
  const inner = swiglu(a, b);
  const nested = swiglu(inner, add(inner, b));
  const [first, second, third] = expandComposites([untouched, nested, inner]);
  assert.equal(first, untouched);
  verifyGraph([first!, second!, third!], { lowered: true });
  assert.ok(topologicalOrder([second!]).includes(third!), "one expansion serves all users");
});
