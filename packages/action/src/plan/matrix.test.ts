import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_MATRIX_JOBS, planMatrix } from "./matrix.js";

const names = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`);

describe("planMatrix", () => {
  it("gives each project a leg while they are few", () => {
    assert.deepEqual(planMatrix(["a", "b"], MAX_MATRIX_JOBS), {
      include: [
        { id: 1, projects: "a" },
        { id: 2, projects: "b" },
      ],
    });
    assert.deepEqual(planMatrix([], MAX_MATRIX_JOBS), { include: [] });
  });

  for (const [count, maxJobs] of [
    [256, 256],
    [257, 256],
    [300, 256],
    [4096, 256],
    [10, 3],
    [5, 1],
  ] as const) {
    it(`spreads ${count} projects over at most ${maxJobs} jobs evenly, each once and in order`, () => {
      const { include } = planMatrix(names(count), maxJobs);
      assert.ok(include.length <= maxJobs);
      assert.deepEqual(
        include.flatMap(({ projects }) => projects.split(",")),
        names(count),
      );
      const sizes = include.map(({ projects }) => projects.split(",").length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    });
  }
});
