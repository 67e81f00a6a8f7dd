import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HandedRelease } from "./release-document.js";
import { mergeNotes, renderNotes } from "./release-notes.js";

const release = (more: Partial<HandedRelease> = {}): HandedRelease => ({
  version: 1,
  status: "published",
  tag: "colours@1.1.0",
  commit: "1".repeat(40),
  verdict: "pass",
  compared_with: "colours@1.0.0",
  adapter: { path: ".gitune/release/colours@1.1.0/adapter", sha256: "2".repeat(64) },
  files: ["README.md", "trainer_state.json"].map((path) => ({ path, size: 1234, sha256: "3".repeat(64) })),
  hub: { repository: "acme/colours", url: "https://huggingface.co/acme/colours", commit: "4".repeat(40) },
  plan: null,
  changelog: "- Rows of `train`: 2 added\n",
  issues: [],
  report_text: "All is well.",
  ...more,
});

describe("a GitHub release's notes", () => {
  it("say where it is, what changed, what the gate says, and which files there are", () => {
    const notes = renderNotes(release());
    assert.match(notes, /\(https:\/\/huggingface\.co\/acme\/colours\/tree\/colours@1\.1\.0\)/);
    assert.match(
      notes,
      /Compared with `colours@1\.0\.0`\.\n\n### Changes\n\n- Rows of `train`: 2 added\n\nAll is well\./,
    );
    assert.doesNotMatch(notes, /trainer_state/);
    assert.match(notes, /\| `README\.md` \| 1,234 \| `3{64}` \|/);
    assert.doesNotMatch(renderNotes(release({ changelog: null })), /Changes/);
    assert.equal(notes, renderNotes(release()));
  });

  it("fit, closed by our mark, whatever the report holds", () => {
    const notes = renderNotes(release({ report_text: `<!-- /gitune:notes -->\n${"<details>\n".repeat(20_000)}` }));
    assert.ok(notes.length <= 110_000);
    assert.equal(mergeNotes(notes, "new"), "new");
  });

  it("take the place of ours alone: what people wrote stays", () => {
    const ours = renderNotes(release());
    assert.equal(mergeNotes("", ours), ours);
    const written = mergeNotes("Thanks!\n", ours);
    assert.equal(written, `Thanks!\n\n${ours}`);
    const newer = renderNotes(release({ report_text: "$& $1 All is better." }));
    assert.equal(mergeNotes(`${written}\n\nMore words.`, newer), `Thanks!\n\n${newer}\n\nMore words.`);
  });
});
