import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { Issue } from "@gitune/core";
import fc from "fast-check";
import { reportInput } from "../testing/report-input.js";
import { evalRow } from "../testing/results.js";
import { capGraphemes, escapeHtml, escapeMarkdown } from "./escape.js";
import { fitSections } from "./fit-sections.js";
import { formatDelta, formatScore, formatSeconds } from "./format.js";
import { lossCurve } from "./loss-curve.js";
import { renderHtml } from "./render-html.js";
import { renderMarkdown } from "./render-markdown.js";
import { buildReport } from "./report.js";
import { sparkline, trainingSentence } from "./training-sentence.js";
import { verdictSentence } from "./verdict-sentence.js";

/** Everything that row text has been used for, in one row. */
const HOSTILE = [
  "<script>alert(1)</script><img src=x onerror=alert(1)>",
  "</td></table></main> <!-- gitune --> -->",
  "| a | b |\n|---|---|\n# heading\n- item\n```\ncode\n```",
  "@everyone @octo-cat #12 GH-7 owner/name#3 https://evil.example/x www.evil.example /pull/9",
  "![x](https://evil.example/y.png) [click](javascript:alert(1)) <https://evil.example>",
  `$\{{ secrets.TOKEN }} $(id) \`id\` ::error::x $x^2$ ~~no~~ **bold** _it_`,
  "\u202egpj.exe\u202c \u001b[31mred\u0007 \ud800 \r\nend \\| &lt; &#64;me",
].join("\n");

const hostileInput = () =>
  reportInput({
    rows: [evalRow("q0", HOSTILE), evalRow("q1", "fine")],
    base: [HOSTILE, "fine"],
    head: [`x ${HOSTILE}`, "fine"],
  });

describe("the report", () => {
  test("is plain data, and the same for the same input", async () => {
    const report = buildReport(await reportInput());
    assert.deepEqual(JSON.parse(JSON.stringify(report)), JSON.parse(JSON.stringify(buildReport(await reportInput()))));
    assert.deepEqual([report.verdict, report.suites[0]?.rows, report.examples.regressions.length], ["fail", 24, 5]);
    assert.equal(report.suites[0]?.metrics[0]?.bare, 0);
    assert.deepEqual(
      report.suites[0]?.metrics.map(({ judged }) => judged.map(({ outcome }) => outcome.verdict)),
      [["fail"], ["pass"]],
    );
    // All fell alike; q3 is the first that the slice's rule watches, too.
    assert.equal(report.examples.regressions[0]?.prompt, "prompt of q3");
  });

  test("without results says what is wrong with the data", () => {
    const issue: Issue = {
      code: "row.enum",
      severity: "error",
      file: "a.jsonl",
      line: 3,
      message: 'no role "asistant"',
      found: '"asistant"',
    };
    const state = { ref: "main", sha: "1a".repeat(20) };
    const report = buildReport({
      project: "p",
      base: state,
      head: state,
      gate: { confidence: 0.95, inconclusive: "allow", rules: [] },
      comparison: null,
      issues: [issue],
    });
    assert.equal(report.verdict, "fail");
    const text = renderMarkdown(report);
    assert.match(
      text,
      /^### `p`: ❌ fail\n\n> \[!CAUTION\]\n> 1 error in the data or the config: nothing was trained\./,
    );
    assert.match(text, /- error `row\.enum` a\.jsonl:3 no role "asistant"; found "asistant"/);
    assert.match(renderHtml(report), /a\.jsonl:3/);
    const unchanged = buildReport({
      project: "p",
      base: state,
      head: state,
      gate: report.gate,
      comparison: null,
      notes: ["Nothing changed."],
    });
    assert.match(renderMarkdown(unchanged), /\[!TIP\]\n> Nothing changed\.\n/);
  });
});

describe("the verdict's sentence", () => {
  test("says what, by how much, and what is allowed", async () => {
    assert.equal(
      verdictSentence(buildReport(await reportInput())),
      "rougeL of answers fell by 0.301 (0.968 → 0.667, 95% interval −0.509 to −0.102); it may fall by 0.010. Of 3 rules: 1 fail, 1 inconclusive, 1 pass.",
    );
    const same = buildReport(
      await reportInput({
        base: Array<string>(24).fill("a short synopsis"),
        head: Array<string>(24).fill("a short synopsis"),
      }),
    );
    assert.equal(same.verdict, "fail");
    assert.match(
      verdictSentence(same),
      /^exact_match of answers is 0\.000 \(base 0\.000\); the gate asks for at least 0\.500\./,
    );
    const slight = buildReport(
      await reportInput({
        base: Array.from({ length: 24 }, (_, i) => `a short synopsis of package ${i}`),
        head: Array.from({ length: 24 }, (_, i) => `a short synopsis of package ${i < 2 ? "x" : i}`),
      }),
    );
    assert.equal(slight.verdict, "inconclusive");
    assert.match(
      verdictSentence(slight),
      /rougeL of answers.* fell by 0\.0.* Its rows do not decide; about \d+ would\./,
    );
  });
});

describe("Markdown", () => {
  test("hostile text stays text", async () => {
    const text = renderMarkdown(buildReport(await hostileInput()), { marker: "<!-- ours -->" });
    assert.ok(text.startsWith("<!-- ours -->\n### `support-tickets`"));
    const inside = text.slice("<!-- ours -->".length);
    for (const bad of [
      /<script/i,
      /<img/i,
      /<!--/,
      /\$\{\{/,
      /@(everyone|octo)/,
      /#12\b/,
      /GH-7/,
      /https:\/\//,
      /www\.evil/,
      /\/pull\/9/,
      /(?<!\\)\]\(/,
      /!\[(?!CAUTION|TIP|WARNING|NOTE)/,
      /\u202e/,
      /(?!\n)\p{Cc}/u,
      /\p{Surrogate}/u,
      /\n::/,
    ]) {
      assert.doesNotMatch(inside, bad);
    }
    // No line begins with a row's text: no heading, no fence, no table of its own.
    const allowed = /^(###|> |>$|\*\*|\||- |<details>|<\/details>|<sub>|$|`answers`$)/;
    for (const line of inside.split("\n")) assert.match(line, allowed);
    for (const line of inside.split("\n").filter((line) => /^\| (prompt|expected|before|after) /.test(line))) {
      assert.equal(line.replace(/\\\\/g, "").match(/(?<!\\)\|/g)?.length, 3, line);
    }
  });

  test("any text at all becomes one line without markup", () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(..."`*_[]<>&|~$\\@#!(){}\n\r\t a1.-+=:/", "\u202e", "é", "漢", "👍🏽", "GH-"),
        }),
        (text) => {
          const escaped = escapeMarkdown(text, 1000);
          assert.doesNotMatch(escaped, /[\n\r]/);
          assert.doesNotMatch(escaped.replaceAll("<br>", ""), /[<>]/);
          assert.doesNotMatch(escaped.replace(/\\[\\`*_[\]|~${}#]/g, ""), /[\\`*_[\]|~$]/);
          assert.doesNotMatch(escaped, /@[a-z0-9]|#\d|:\/\//i);
        },
      ),
      { numRuns: 2000, seed: 1 },
    );
  });

  test("fits the limit, keeps the verdict, and says what was left out", async () => {
    const long = "word ".repeat(300);
    const rows = Array.from({ length: 60 }, (_, i) =>
      evalRow(`q${i}`, `${i} ${long}`, { tags: [`tag-${i}`, "libs"], prompt: { kind: "text", text: long } }),
    );
    const report = buildReport(
      await reportInput({ rows, base: rows.map((row) => row.references?.[0] ?? ""), head: rows.map(() => "no") }),
    );
    for (const maxChars of [60_000, 12_000, 6000, 3000, 1200, 500]) {
      const text = renderMarkdown(report, { maxChars });
      assert.ok(text.length <= maxChars, `${text.length} > ${maxChars}`);
      assert.match(text, /\[!CAUTION\]/);
      if (maxChars <= 6000 && maxChars >= 1200) assert.match(text, /> Shortened to fit: .*slices/);
      if (maxChars >= 1200)
        assert.equal(text.match(/<details>/g)?.length ?? 0, text.match(/<\/details>/g)?.length ?? 0);
      if (maxChars >= 1200) assert.match(text, /`rougeL` \|.*❌ fail/);
    }
    assert.ok(renderMarkdown([report, report, report], { maxChars: 20_000 }).length <= 20_000);
  });

  test("the least important part goes first", () => {
    const sections = [
      { title: "first", rank: 9, sizes: ["A".repeat(50)] },
      { title: "second", rank: 1, sizes: ["B".repeat(300), "b", ""] },
      { title: "third", rank: 2, sizes: ["C".repeat(300), "c"] },
    ];
    assert.match(fitSections(sections, 700), /^A+\n\nB+\n\nC+\n$/);
    assert.match(fitSections(sections, 500), /^A+\n\nb\n\nC+\n\n> \[!NOTE\]\n> Shortened to fit: second\./);
    assert.match(fitSections(sections, 250), /^A+\n\nc\n\n> \[!NOTE\]\n> Shortened to fit: second, third\./);
  });
});

describe("HTML", () => {
  test("one file: nothing from elsewhere, no script, and a policy that forbids both", async () => {
    const html = renderHtml(buildReport(await reportInput()));
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
    assert.ok(html.includes(`style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`));
    assert.match(html, /default-src 'none'/);
    assert.doesNotMatch(html, /<script|<link|<img|<iframe|src=|href=|url\(|@import|style="/i);
    assert.match(html, /prefers-color-scheme: dark/);
    assert.match(html, /name="viewport"/);
    assert.equal(html.match(/<svg/g)?.length, 2);
    assert.equal(html.match(/<table/g)?.length, html.match(/<caption>/g)?.length);
  });

  test("hostile text stays text: every tag and attribute is ours", async () => {
    const html = renderHtml(buildReport(await hostileInput()));
    const body = html.slice(html.indexOf("<body>"));
    const names = new Set(
      "body main h1 h2 div p strong table caption thead tbody tr th td span br details summary article svg line circle title text polyline footer ul li code".split(
        " ",
      ),
    );
    for (const [tag] of body.matchAll(/<[^>]*>/g)) {
      const [, name = "", attributes = ""] = /^<\/?([a-z][a-z0-9]*)((?: [\w-]+="[^"<>]*")*)\/?>$/i.exec(tag) ?? [];
      assert.ok(names.has(name) || tag === "</html>", tag);
      assert.doesNotMatch(attributes, / on/i);
    }
    assert.match(body, /&(lt|#60);script&(gt|#62);/);
    assert.doesNotMatch(html, /\u202e|(?!\n)\p{Cc}/u);
  });

  test("tags open and close in order", async () => {
    const html = renderHtml([buildReport(await reportInput()), buildReport(await hostileInput())]);
    const open: string[] = [];
    for (const [, slash, name = "", , selfClosing] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*?)(\/?)>/gi)) {
      if (["meta", "br"].includes(name) || selfClosing === "/") continue;
      if (slash === "/") assert.equal(open.pop(), name);
      else open.push(name);
    }
    assert.deepEqual(open, []);
  });

  test("any text survives escaping as itself", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 50 }).filter((text) => !/\p{C}/u.test(text)),
        (text) => {
          const back = escapeHtml(text).replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
          assert.equal(back, text);
        },
      ),
    );
  });
});

describe("trainings", () => {
  test("in words: from where to where, and which state was kept", () => {
    const summary = { steps: 40, loss: 1.2, losses: [3, 2, 1.2], tokensPerSecond: 1, seconds: 1, cached: false };
    const at = (...losses: number[]) => losses.map((loss, index) => ({ step: 20 * index + 20, loss }));
    assert.equal(trainingSentence(summary), "loss 3.000 to 1.200 in 40 steps");
    assert.equal(
      trainingSentence({ ...summary, validation: at(1.5) }),
      "loss 3.000 to 1.200 in 40 steps, validation loss 1.500",
    );
    assert.match(trainingSentence({ ...summary, validation: at(1.6, 1.5) }), /, validation loss 1\.600 to 1\.500$/);
    assert.match(trainingSentence({ ...summary, validation: at(1.5, 1.6) }), / \(lowest, 1\.500 at step 20\)$/);
    assert.match(
      trainingSentence({ ...summary, validation: at(1.5, 1.6), keptStep: 20 }),
      /1\.600 \(kept the lowest, 1\.500 at step 20\)$/,
    );
    assert.equal(trainingSentence({ ...summary, steps: 1, loss: null, losses: [] }), "1 step");
    assert.match(trainingSentence({ ...summary, rows: { used: 1200, cut: 0, dropped: 0 } }), / steps over 1,200 rows$/);
    assert.match(trainingSentence({ ...summary, rows: { used: 9, cut: 3, dropped: 1 } }), / \(3 cut, 1 dropped\)$/);
  });

  test("as one line of bars", () => {
    assert.equal(sparkline([3, 2, 1]), "█▅▁");
    assert.deepEqual([sparkline([]), sparkline([1]), sparkline([1, 1, 1])], ["", "", ""]);
    assert.equal(sparkline(Array.from({ length: 1000 }, (_, i) => 1000 - i)).length, 24);
  });

  test("as a drawing: losses on one scale, steps on one axis, the learning rate below", () => {
    const head = { losses: [4, 2], learningRates: [0, 0.002], validation: [{ step: 2, loss: 1 }], keptStep: 2 };
    const svg = lossCurve([
      { name: "base", losses: [3, 3, 2, 2] },
      { name: "head", ...head },
    ]);
    assert.match(svg, /<polyline class="curve base" points="52\.0,68\.0 256\.7,68\.0 461\.3,122\.0 666\.0,122\.0"/);
    assert.match(svg, /<polyline class="curve head" points="52\.0,14\.0 256\.7,122\.0"/);
    assert.match(svg, /<circle class="ring head" cx="256\.7" cy="176\.0"/);
    assert.match(svg, />lr 2e-3<[\s\S]*class="curve rate head" points="52\.0,238\.0 256\.7,204\.0"/);
    assert.equal(lossCurve([{ name: "head", losses: [1] }]), "");
    assert.doesNotMatch(lossCurve([{ name: "head", losses: [1, Number.NaN, 1] }]), /NaN|validation/);
  });
});

describe("text and numbers", () => {
  test("cuts fall between graphemes", () => {
    assert.equal(capGraphemes("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 2), "👨‍👩‍👧‍👦👨‍👩‍👧‍👦…");
    assert.equal(capGraphemes("abc", 3), "abc");
    assert.equal(capGraphemes("é".normalize("NFD").repeat(3), 1), `${"é".normalize("NFD")}…`);
    assert.ok(capGraphemes(`a${"\u0301".repeat(100_000)}`, 5).length <= 100);
  });

  test("numbers read well", () => {
    assert.deepEqual(
      [formatScore("rougeL", 0.41251), formatScore("bleu", 31.2), formatScore("rougeL", 1)],
      ["0.413", "31.20", "1.000"],
    );
    assert.deepEqual(
      [
        formatDelta("rougeL", -0.0204),
        formatDelta("bleu", 1.3),
        formatDelta("rougeL", 0),
        formatDelta("rougeL", 0.00004),
      ],
      ["−0.020", "+1.30", "0", "+0.00004"],
    );
    assert.deepEqual([0.84, 42, 200, 3900].map(formatSeconds), ["0.8 s", "42 s", "3 min 20 s", "1 h 5 min"]);
  });
});
