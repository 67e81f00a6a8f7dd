import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Generate, GituneError, InternalError } from "@gitune/core";
import { wilson } from "../stats/wilson.js";
import { answering, evalRow, labelRow, suiteConfig } from "../testing/results.js";
import { rescore, runSuite } from "./run-suite.js";
import { scorePredictions } from "./score-predictions.js";

const common = { dataSha256: "d", confidence: 0.95, seed: 1 };

function refusedWith(code: string, text?: RegExp, exitCode = 2) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof GituneError, String(error));
    assert.equal(error.issues[0]?.code, code);
    assert.equal(error.exitCode, exitCode);
    if (text !== undefined) assert.match(error.message, text);
    return true;
  };
}

describe("running a suite", () => {
  const rows = [labelRow("r0", "admin", ["short"]), labelRow("r1", "games"), labelRow("r2", "admin", ["short", "odd"])];

  test("scores, slices, usage and Wilson's interval", async () => {
    const result = await runSuite({
      ...common,
      suite: suiteConfig(["accuracy"]),
      rows,
      generate: answering([" admin\n", "admin", "admin"]),
    });
    assert.deepEqual(result.metrics["accuracy"], {
      value: 2 / 3,
      n: 3,
      ci: wilson(2, 3, 0.95),
      signature: "accuracy|norm:nfc+trim+spaces|case:mixed",
    });
    assert.deepEqual(
      Object.entries(result.slices).map(([tag, of]) => [tag, of["accuracy"]?.value, of["accuracy"]?.n]),
      [
        ["odd", 1, 1],
        ["short", 1, 2],
      ],
    );
    assert.deepEqual(result.usage, {
      prompt_tokens: 30,
      completion_tokens: 6,
      latency_ms: { p50: 20, p95: 29 },
      errors: 0,
      length_stops: 0,
    });
    assert.deepEqual(
      result.rows.map(({ id, scores, tags }) => [id, scores["accuracy"], tags?.length]),
      [
        ["r0", 1, 1],
        ["r1", 0, 0],
        ["r2", 1, 2],
      ],
    );
  });

  test("a failed row keeps its place; when all fail, the machine has failed", async () => {
    const failing =
      (failures: number): Generate =>
      async (prompts) =>
        prompts.map((_, i) => ({
          text: i < failures ? "" : "games",
          promptTokens: 1,
          completionTokens: 1,
          latencyMs: 1,
          stop: i < failures ? "error" : "length",
          ...(i < failures ? { error: "out of memory" } : {}),
        }));
    const result = await runSuite({ ...common, suite: suiteConfig(["accuracy"]), rows, generate: failing(2) });
    assert.deepEqual(
      [result.usage.errors, result.usage.length_stops, result.rows.length, result.metrics["accuracy"]?.n],
      [2, 1, 3, 3],
    );
    await assert.rejects(
      runSuite({ ...common, suite: suiteConfig(["accuracy"]), rows, generate: failing(3) }),
      refusedWith("eval.generation-failed", /answers/, 3),
    );
  });

  test("what cannot be scored is refused before a token is generated, with file and line", async () => {
    const never: Generate = async () => assert.fail("generated");
    const run = (given: object) =>
      runSuite({ ...common, suite: suiteConfig(["rougeL"]), rows: [evalRow("r0", "a")], generate: never, ...given });
    await assert.rejects(run({ rows: [] }), refusedWith("eval.empty-suite"));
    await assert.rejects(run({ rows: [evalRow("r0", "a"), evalRow("r0", "b")] }), refusedWith("data.duplicate-id"));
    await assert.rejects(run({ suite: suiteConfig(["rougel"]) }), refusedWith("eval.unknown-metric", /rougel/));
    await assert.rejects(
      run({ suite: suiteConfig(["accuracy"]), rows: [evalRow("r0", "a", { references: ["a", "b"] })] }),
      refusedWith("eval.not-applicable", /row r0/),
    );
    await assert.rejects(run({ rows: [evalRow("r0", "fine"), evalRow("r7", "Привет, мир")] }), (error: unknown) => {
      assert.ok(error instanceof GituneError);
      const [issue] = error.issues;
      assert.deepEqual(
        [issue?.code, issue?.row, issue?.file, issue?.line],
        ["eval.not-applicable", "r7", "evals/answers.jsonl", 8],
      );
      assert.match(issue?.fix ?? "", /chrf/);
      return true;
    });
  });

  test("thousands of bad rows give a short list and a count", async () => {
    const rows = Array.from({ length: 500 }, (_, i) => evalRow(`r${i}`, "日本"));
    await assert.rejects(
      runSuite({ ...common, suite: suiteConfig(["rouge1"]), rows, generate: answering([]) }),
      (error: unknown) => {
        assert.ok(error instanceof GituneError);
        assert.equal(error.issues.length, 21);
        assert.match(error.issues.at(-1)?.message ?? "", /480 more/);
        return true;
      },
    );
  });

  test("a generator that loses rows is our bug, not the user's", async () => {
    await assert.rejects(
      runSuite({ ...common, suite: suiteConfig(["accuracy"]), rows, generate: async () => [] }),
      InternalError,
    );
  });

  test("progress and cancellation reach the generator", async () => {
    const { signal } = new AbortController();
    const events: number[] = [];
    const generate: Generate = async (prompts, options, hooks) => {
      assert.equal(hooks?.signal, signal);
      assert.deepEqual([options.maxNewTokens, options.temperature], [16, 0]);
      hooks?.onProgress?.(2, 3);
      return answering(["a", "b", "c"])(prompts, options);
    };
    await runSuite({
      ...common,
      suite: suiteConfig(["accuracy"]),
      rows,
      generate,
      signal,
      onProgress: ({ done }) => events.push(done),
    });
    assert.deepEqual(events, [2]);
  });

  test("rescoring stored rows gives the same values, corpus metrics included", async () => {
    const rows = Array.from({ length: 12 }, (_, i) =>
      evalRow(`r${i}`, `the answer to question ${i} is known`, { tags: [i % 2 ? "odd" : "even"] }),
    );
    const predictions = rows.map((_, i) => (i % 3 ? `the answer to question ${i}` : "no answer is known"));
    const metrics = ["rougeL", "bleu", "chrf", "exact_match", "token_f1"];
    const result = await runSuite({ ...common, suite: suiteConfig(metrics), rows, generate: answering(predictions) });
    const stored = JSON.parse(JSON.stringify(result));
    assert.deepEqual(JSON.parse(JSON.stringify(rescore(stored, metrics, common))), stored);
    assert.notDeepEqual(
      rescore(result, ["rougeL"], { confidence: 0.5, seed: 1 }).metrics["rougeL"]?.ci,
      result.metrics["rougeL"]?.ci,
    );
  });
});

describe("scoring predictions", () => {
  test("values, intervals and a line a row; ids default to line numbers", () => {
    const { metrics, rows } = scorePredictions({
      rows: [
        { id: "a", prediction: "the cat", references: ["the cat"] },
        { prediction: "a dog", references: ["the dog", "a dog"] },
      ],
      metrics: ["exact_match", "rouge1", "bleu"],
      confidence: 0.95,
      seed: 1,
    });
    assert.deepEqual(Object.keys(metrics), ["exact_match", "rouge1", "bleu"]);
    assert.deepEqual(
      rows.map(({ id, exact_match }) => [id, exact_match]),
      [
        ["a", 1],
        ["2", 1],
      ],
    );
    assert.deepEqual([metrics["exact_match"]?.value, metrics["exact_match"]?.n], [1, 2]);
  });

  test("nothing to score, no reference and an unknown metric are errors of the input", () => {
    const score =
      (rows: { prediction: string; references: string[] }[], metric = "rouge1") =>
      () =>
        scorePredictions({ rows, metrics: [metric], confidence: 0.95, seed: 1 });
    assert.throws(score([]), refusedWith("eval.empty-suite"));
    assert.throws(score([{ prediction: "a", references: [] }]), refusedWith("eval.not-applicable", /row 1/));
    assert.throws(score([{ prediction: "a", references: ["a"] }], "rogue"), refusedWith("eval.unknown-metric"));
  });
});
