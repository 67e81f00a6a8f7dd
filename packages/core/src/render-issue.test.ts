import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeMarkdown, printable } from "./escape.js";
import type { Issue } from "./issue.js";
import { renderIssues } from "./render-issue.js";

const ISSUE: Issue = {
  code: "row.enum",
  severity: "error",
  file: "datasets/a/train.jsonl",
  line: 1042,
  column: 7,
  row: "r1",
  pointer: "/messages/1/role",
  message: 'expected one of "user", "assistant"; found "asistant"',
  fix: 'did you mean "assistant"?',
};

test("text: place, pointer, code; then what, then how to mend it", () => {
  assert.equal(
    renderIssues([ISSUE, { code: "jsonl.crlf", severity: "warning", message: "m" }]),
    [
      "datasets/a/train.jsonl:1042:7  /messages/1/role  [row.enum]",
      '  expected one of "user", "assistant"; found "asistant"',
      '  fix: did you mean "assistant"?',
      "[jsonl.crlf]  warning",
      "  m",
    ].join("\n"),
  );
});

test("text: control characters of a row cannot drive the terminal", () => {
  const text = renderIssues([{ ...ISSUE, message: "\u001b[2J\u0007\u009b31m\u202e" }]);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
  assert.equal(printable("a\tb\u001b"), "a\\tb\\u001b");
});

test("text: no line of a message is a command to the runner that shows it", () => {
  const message = "found x\n::error::gone\n  ::add-mask::e\n##[error]gone";
  const lines = renderIssues([{ ...ISSUE, message }]).split("\n");
  assert.deepEqual(lines.slice(1, 5), ["  found x", "  \\::error::gone", "    \\::add-mask::e", "  ##\\[error]gone"]);
});

test("github: escaped commands, at most ten of a severity", () => {
  const hostile: Issue = { ...ISSUE, file: "a,b:c.jsonl", message: "50%\n::error::x" };
  const [first] = renderIssues([hostile], "github").split("\n");
  assert.equal(
    first,
    '::error file=a%2Cb%3Ac.jsonl,line=1042,col=7,title=row.enum /messages/1/role::50%25%0A::error::x%0Afix: did you mean "assistant"?',
  );
  const many = [...Array<Issue>(13).fill(ISSUE), ...Array<Issue>(11).fill({ ...ISSUE, severity: "warning" })];
  const lines = renderIssues(many, "github").split("\n");
  assert.equal(lines.filter((line) => line.startsWith("::error")).length, 10);
  assert.equal(lines.filter((line) => line.startsWith("::warning")).length, 10);
  assert.deepEqual(lines.slice(-2), ["and 3 more errors", "and 1 more warning"]);
});

test("json and sarif are whole documents", () => {
  assert.deepEqual(JSON.parse(renderIssues([ISSUE], "json")), { version: 1, ok: false, issues: [ISSUE] });
  assert.equal(JSON.parse(renderIssues([], "json")).ok, true);
  const sarif = JSON.parse(renderIssues([ISSUE, { ...ISSUE, severity: "note" }], "sarif", { version: "0.1.0" }));
  const [run] = sarif.runs;
  assert.equal(sarif.version, "2.1.0");
  assert.deepEqual(
    run.tool.driver.rules.map(({ id }: { id: string }) => id),
    ["row.enum"],
  );
  assert.deepEqual(
    run.results.map(({ level, ruleIndex }: { level: string; ruleIndex: number }) => [level, ruleIndex]),
    [
      ["error", 0],
      ["note", 0],
    ],
  );
  assert.deepEqual(run.results[0].locations[0].physicalLocation.region, { startLine: 1042, startColumn: 7 });
});

test("Markdown: plain text stays readable", () => {
  assert.equal(
    escapeMarkdown("A well-known, plain text (with 3.5 numbers)."),
    "A well-known, plain text (with 3.5 numbers).",
  );
  assert.equal(escapeMarkdown("a\nb"), "a\u23ceb");
  assert.equal(escapeMarkdown("<b>_x_</b>"), "&lt;b&gt;\\_x\\_&lt;/b&gt;");
});
