import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { historyAfter, isNewer, type Marker, markerKey, parseMarker, renderMarker } from "./marker.js";

const sha = (digit: string) => digit.repeat(40);
const marker: Marker = {
  key: "0123456789abcdef",
  commit: sha("a"),
  run: 12,
  attempt: 2,
  verdict: "inconclusive",
  history: [
    { commit: sha("b"), verdict: "fail" },
    { commit: sha("c"), verdict: "error" },
  ],
};

describe("marker", () => {
  it("is read as it was written, with and without history", () => {
    assert.deepEqual(parseMarker(`${renderMarker(marker)}\ntext`), marker);
    const bare = { ...marker, history: [] };
    assert.deepEqual(parseMarker(renderMarker(bare)), bare);
  });

  it("is not read where it does not begin the comment, or is not whole", () => {
    assert.equal(parseMarker(` ${renderMarker(marker)}`), null);
    assert.equal(parseMarker(renderMarker(marker).replace("run=12", "run=-1")), null);
    assert.equal(parseMarker(renderMarker(marker).replace("inconclusive", "splendid")), null);
    assert.equal(parseMarker("<!-- gitune:comment -->"), null);
  });

  it("has a key for the workflow and the set of projects, in any order", () => {
    assert.equal(markerKey("w", ["a", "b"]), markerKey("w", ["b", "a"]));
    assert.notEqual(markerKey("w", ["a", "b"]), markerKey("w", ["a,b"]));
    assert.notEqual(markerKey("w", []), markerKey("v", []));
  });

  it("orders runs, then attempts, then how far they are", () => {
    const at = (run: number, attempt: number, verdict: Marker["verdict"] = "pass") => ({ run, attempt, verdict });
    assert.ok(isNewer(at(1, 1, "running"), at(1, 1, "queued")));
    assert.ok(isNewer(at(1, 1, "fail"), at(1, 1, "running")));
    assert.ok(!isNewer(at(1, 1, "running"), at(1, 1, "error")));
    assert.ok(isNewer(at(2, 1, "queued"), at(1, 1, "pass")));
    assert.ok(isNewer(at(2, 1), at(1, 9)));
    assert.ok(isNewer(at(2, 2), at(2, 1)));
    assert.ok(!isNewer(at(2, 2), at(2, 2)));
  });

  it("keeps the last ten verdicts, one for each commit", () => {
    const many = Array.from({ length: 20 }, (_, i) => ({
      commit: String(10 + i).padEnd(40, "0"),
      verdict: "pass" as const,
    }));
    const after = historyAfter({ ...marker, history: many }, sha("f"));
    assert.equal(after.length, 10);
    assert.deepEqual(after[0], { commit: marker.commit, verdict: "inconclusive" });
    assert.deepEqual(historyAfter(marker, marker.commit), marker.history);
    const running = historyAfter({ ...marker, verdict: "running" }, sha("f"));
    assert.deepEqual(running, marker.history, "a state that passed is no verdict");
  });
});
