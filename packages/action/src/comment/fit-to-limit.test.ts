import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fitToLimit } from "./fit-to-limit.js";

const NOTICE = "cut";

describe("fitToLimit", () => {
  it("leaves what fits", () => assert.equal(fitToLimit("a\nb", 3, NOTICE), "a\nb"));

  it("keeps whole lines from the top and says that it cut", () => {
    assert.equal(fitToLimit("one\ntwo\nthree", 12, NOTICE), "one\n\ncut\n");
  });

  it("closes a code block and collapsed parts, the inner ones first", () => {
    const text = ["<details><summary>s</summary>", "", "````json", "{", "```", ...Array(100).fill("x"), "````"];
    const cut = fitToLimit(text.join("\n"), 120, NOTICE);
    assert.match(cut, /x\n````\n\n<\/details>\n\ncut\n$/);
  });

  it("counts bytes where it is told to", () => {
    const bytes = (text: string) => Buffer.byteLength(text);
    const cut = fitToLimit("ä\n".repeat(100), 50, NOTICE, bytes);
    assert.ok(bytes(cut) <= 50);
    assert.ok(cut.length < 50);
  });

  it("never exceeds the limit", () => {
    const line = fc.constantFrom("```", "````", "~~~", "<details>", "</details>", "text", "", "| a | b |");
    fc.assert(
      fc.property(fc.array(line, { maxLength: 60 }), fc.integer({ min: 20, max: 300 }), (lines, limit) => {
        const text = lines.join("\n");
        const cut = fitToLimit(text, limit, NOTICE);
        return cut.length <= limit && (cut === text || cut === "" || cut.endsWith("\n\ncut\n"));
      }),
    );
  });
});
