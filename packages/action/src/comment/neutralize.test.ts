import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fenced, neutralizeMarkdown, neutralizeReport } from "./neutralize.js";

const visible = (text: string) => text.replaceAll("\u200b", "·");

describe("neutralizeMarkdown", () => {
  for (const [name, text, expected] of [
    ["a mention", "hi @octo", "hi @·octo"],
    ["a mention after punctuation", "(@octo) _@octo_ \\@octo", "(@·octo) _@·octo_ \\@·octo"],
    ["a team", "@octo/team", "@·octo/team"],
    ["an e-mail address, which mentions nobody", "a@example.com", "a@example.com"],
    ["a mention by entity", "&#64;a &#0064;a &#x40;a &commat;a", "&amp;#·64;a &amp;#·0064;a &amp;#x40;a &amp;commat;a"],
    ["a reference", "#12 o/r#3 GH-4 gh-5", "#·12 o/r#·3 GH-·4 GH-·5"],
    ["a reference by link", "https://github.com/o/r/issues/1", "https://github.com/o/r/issues/·1"],
    ["other entities", "&lt;b&gt; &#10;", "&lt;b&gt; &#10;"],
    ["headings", "# One\n## Two", "# One\n## Two"],
    ["an HTML comment", "a <!-- b --> c", "a &lt;!-- b --> c"],
    ["pictures", "![x](y) <img src=x> <IMG>", "!·[x](y) &lt;img src=x> &lt;IMG>"],
    ["our own tags", "<details><summary>s</summary></details>", "<details><summary>s</summary></details>"],
  ] as const) {
    it(`handles ${name}`, () => assert.equal(visible(neutralizeMarkdown(text)), expected));
  }

  it("leaves its own result alone", () => {
    const hostile = fc.stringMatching(/^[@#&!<\-a1;[GHgh ]*$/);
    fc.assert(
      fc.property(hostile, (text) => neutralizeMarkdown(neutralizeMarkdown(text)) === neutralizeMarkdown(text)),
    );
  });
});

describe("neutralizeReport", () => {
  for (const [name, text, expected] of [
    ["a link", "[here](https://e.x)", "[here]·(https:·//e.x)"],
    ["links by reference", "[a][b]\n\n[b]: //e.x", "[a]·[b]\n\n[b]·: //e.x"],
    ["addresses that become links by themselves", "http://e.x www.e.x", "http:·//e.x www·.e.x"],
    ["elements that lead away", "<a href=x><form><meta>", "&lt;a href=x>&lt;form>&lt;meta>"],
    ["what neutralizeMarkdown does", "@octo ![x](y)", "@·octo !·[x]·(y)"],
    ["our own parts", "> [!TIP]\n> <details><summary>[row.enum] s</summary></details>", null],
  ] as const) {
    it(`handles ${name}`, () => assert.equal(visible(neutralizeReport(text)), expected ?? text));
  }

  it("leaves its own result alone", () => {
    const hostile = fc.stringMatching(/^[[\]():/w.<a@ ]*$/);
    fc.assert(fc.property(hostile, (text) => neutralizeReport(neutralizeReport(text)) === neutralizeReport(text)));
  });
});

describe("fenced", () => {
  it("shows what cannot be seen", () => {
    assert.equal(fenced("a\u202eb\u200b\r\nc"), "```text\na\\u202eb\\u200b\nc\n```");
  });

  it("cannot be left by what is inside", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[`~a\n ]*$/), (text) => {
        const [open = "", ...rest] = fenced(text).split("\n");
        const fence = open.replace("text", "");
        const closers = rest.filter((line) => new RegExp(`^ {0,3}\`{${fence.length},} *$`).test(line));
        return closers.length === 1 && rest.at(-1) === fence;
      }),
    );
  });
});
