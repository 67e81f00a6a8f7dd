import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { sentences, unfold } from "./description.mjs";
import { makeDocuments } from "./documents.mjs";
import { excerpt } from "./projects.mjs";
import { copiedFrom, partOf, split } from "./split.mjs";

describe("unfold", () => {
  it("joins wrapped lines and keeps paragraphs apart", () => {
    assert.deepEqual(unfold(" one\n two\n .\n three"), [["one two"], ["three"]]);
  });
  it("makes each list item a line, with the lines that go on with it", () => {
    assert.deepEqual(unfold(" Has:\n  * a thing\n    of two lines\n  - another"), [
      ["Has:", "- a thing of two lines", "- another"],
    ]);
  });
  it("keeps lines that stand deeper as they are", () => {
    assert.deepEqual(unfold(" run\n   make all"), [["run", "make all"]]);
  });
  it("leaves no control characters and no empty paragraph", () => {
    assert.deepEqual(unfold(" .\n a\t\u200bb\n .\n ."), [["a b"]]);
  });
});

describe("sentences", () => {
  it("ends one at a full stop before a capital, not at an abbreviation", () => {
    const text = "Reads files, e.g. XML. Writes them. By J. Doe (2004).";
    assert.deepEqual(sentences(text), ["Reads files, e.g. XML.", "Writes them.", "By J. Doe (2004)."]);
  });
  it("loses no word", () => {
    const text = "One! Two? (Three.) Four: five";
    assert.equal(sentences(text).join(" "), text);
  });
});

const row = (name, source, text) => ({ package: name, source, section: "net", synopsis: name, description: [[text]] });

describe("split", () => {
  const sourceIn = (part) => Array.from({ length: 500 }, (_, i) => `source${i}`).find((name) => partOf(name) === part);

  it("keeps a source's packages together and drops a copy under another source", () => {
    const text = "A small server that answers questions about the weather on several planets at once.";
    const held = sourceIn("eval");
    const other = sourceIn("train");
    const { parts, dropped } = split([
      row("weather", held, text),
      row("weather-doc", held, "Its manual in four languages, with pictures of every known planet."),
      row("weather-ng", other, `${text} A fork.`),
      row("unlike", other, "Draws fractals in the terminal with no more than sixteen colours."),
    ]);
    assert.deepEqual(
      parts.eval.map((entry) => entry.package),
      ["weather", "weather-doc"],
    );
    assert.deepEqual(
      parts.train.map((entry) => entry.package),
      ["unlike"],
    );
    assert.deepEqual(dropped, [{ package: "weather-ng", part: "train", like: "weather" }]);
  });
});

describe("copiedFrom", () => {
  it("says yes from half of the runs of thirteen words on", () => {
    const words = Array.from({ length: 30 }, (_, i) => `w${i}`);
    const text = words.join(" ");
    const isCopied = copiedFrom([words.slice(0, 21).join(" ")], [text]);
    assert.equal(isCopied(text), true); // 9 of 18 runs
    assert.equal(copiedFrom([words.slice(0, 20).join(" ")], [text])(text), false); // 8 of 18
    assert.equal(isCopied("too short to have a run"), false);
  });
});

describe("makeDocuments", () => {
  it("tells a paragraph once a source, whatever the order of its packages", () => {
    const shared = "Plays chess against people, machines and, at night, against itself.";
    const rows = [row("chess-data", "chess", shared), row("chess", "chess", shared)];
    const documents = makeDocuments(rows);
    assert.deepEqual(
      documents.map((document) => document.package),
      ["chess"],
    );
    assert.deepEqual(makeDocuments([...rows].reverse()), documents);
  });
});

describe("excerpt", () => {
  const words = (text) => text.split(/\s+/).length;
  const listed = {
    description: [["It does much. Features:"], ["- a", "- b"], ["See https://example.org for more. The end."]],
  };

  it("takes whole sentences of prose only, up to the limit", () => {
    assert.equal(excerpt(listed, 20, words), "It does much. The end.");
    assert.equal(excerpt(listed, 4, words), "It does much.");
    assert.equal(excerpt(listed, 20, words, true), "It does much. Features: The end.");
  });
});

describe("the committed files", () => {
  it("have no package or source in two splits, and no eval text in train", () => {
    const script = fileURLToPath(new URL("check.mjs", import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--committed"], { encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  });
});
