import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judge } from "./judge.js";
import type { PipelineRun } from "./run-pipeline.js";

const ended = (exitCode: number, document: unknown): PipelineRun => ({
  exitCode,
  signal: null,
  stdout: typeof document === "string" ? document : JSON.stringify(document),
  isOverflowing: false,
});
const judged = (run: PipelineRun) => judge(run, "/work", ".gitune/report").result;
const issue = { code: "a.b", severity: "error", message: "m" };
const document = { version: 1, verdict: "pass", projects: [{ name: "p", verdict: "pass" }], comment: "c" };

describe("judge", () => {
  for (const [name, run, verdict, exitCode] of [
    ["pass", ended(0, document), "pass", 0],
    ["inconclusive that is allowed", ended(0, { ...document, verdict: "inconclusive" }), "inconclusive", 0],
    ["inconclusive that blocks", ended(1, { ...document, verdict: "inconclusive" }), "fail", 1],
    ["fail", ended(1, { ...document, verdict: "fail" }), "fail", 1],
    ["fail with exit code 0", ended(0, { ...document, verdict: "fail" }), "fail", 1],
    ["a check that says no", ended(1, { version: 1, ok: false, issues: [issue] }), "fail", 1],
    ["bad input", ended(2, { version: 1, ok: false, issues: [issue] }), "error", 2],
    ["a failing machine", ended(3, { version: 1, ok: false, issues: [issue] }), "error", 3],
    ["a failure that claims to be fine", ended(0, { version: 1, ok: false, issues: [issue] }), "error", 3],
    ["a document with exit code 3", ended(3, document), "error", 3],
    ["an unknown exit code", ended(137, document), "error", 3],
    ["nothing", ended(0, ""), "error", 3],
    ["text", ended(0, "done!"), "error", 3],
    ["an unknown verdict", ended(0, { ...document, verdict: "great" }), "error", 3],
    ["a signal", { ...ended(0, document), exitCode: null, signal: "SIGKILL" }, "error", 3],
    ["endless output", { ...ended(0, document), isOverflowing: true }, "error", 3],
  ] as const) {
    it(`${name}: ${verdict}, ${exitCode}`, () => {
      const result = judged(run);
      assert.deepEqual([result.verdict, result.exit_code], [verdict, exitCode]);
    });
  }

  it("takes the report's folder only inside the workspace", () => {
    const at = (markdown: string) => judged(ended(0, { ...document, report: { markdown } })).report_path;
    assert.equal(at("/work/sub/.gitune/report/report.md"), "sub/.gitune/report");
    assert.equal(at("/etc/report.md"), ".gitune/report");
    assert.equal(at("../report.md"), ".gitune/report");
  });

  it("shows issues in the comment as text that cannot leave its block", () => {
    const { comment } = judged(ended(2, { version: 1, ok: false, issues: [{ ...issue, message: "```\n@octo" }] }));
    assert.match(comment, /````text\n\[a\.b\] ```\n@octo\n````/);
  });

  it("counts an issue once that is said of the run and of its project", () => {
    const twice = { ...document, projects: [{ name: "p", verdict: "pass", issues: [issue] }], issues: [issue] };
    assert.equal(judge(ended(0, twice), "/work", "r").issues.length, 1);
  });
});
