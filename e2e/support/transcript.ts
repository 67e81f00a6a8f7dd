/**
 * Transcripts in docs/transcripts: what real runs left on the GitHub stand-in, as people would see it. The tests that run
 * them write the files with `GITUNE_WRITE_DOCS=1`; else they check that the files still say the same.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { REPOSITORY } from "./action-folder.js";
import type { CheckRun } from "./github-server/check-runs.js";

export class Transcript {
  readonly #file: string;
  readonly #parts: string[] = [];

  /** @param name file below docs/transcripts  @param head what the file begins with, Markdown */
  constructor(name: string, head: string) {
    this.#file = join(REPOSITORY, "docs/transcripts", name);
    this.#parts.push(head);
  }

  say(text: string): void {
    this.#parts.push(text);
  }

  /** The body of a comment, a pull request or an issue, less its hidden first line. */
  body(title: string, body: string, before = ""): void {
    this.#parts.push(
      `## ${title}`,
      ...(before === "" ? [] : [before]),
      quoted(body.replace(/^<!-- gitune:[^\n]* -->\n/, "")),
    );
  }

  check(title: string, { name, conclusion, title: says, summary, annotations }: CheckRun): void {
    const lines = annotations.map(
      (one) =>
        `**${one["title"]}** (${one["annotation_level"]}) · ${one["path"]}, line ${one["start_line"]}\n\n${one["message"]}`,
    );
    // Its summary is the report, which has been shown as the comment.
    assert.notEqual(summary ?? "", "");
    const text = lines.length > 0 ? lines.join("\n\n") : "(its text is the same report)";
    this.#parts.push(`## ${title}`, `\`${name}\`: **${conclusion}** · ${says}`, quoted(text));
  }

  /** @throws {AssertionError} where the file says something else, numbers aside */
  finish(): void {
    const text = `${this.#parts.join("\n\n").replace(/http:\/\/127\.0\.0\.1:\d+/g, "https://github.com")}\n`;
    if (process.env["GITUNE_WRITE_DOCS"] === "1") {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(this.#file, text);
      return;
    }
    const written = readFileSync(this.#file, "utf8");
    assert.equal(
      withoutNumbers(written),
      withoutNumbers(text),
      `${this.#file}: run this test with GITUNE_WRITE_DOCS=1`,
    );
  }
}

/** Lines with times, losses and commits are others in each run. */
function withoutNumbers(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/\d/.test(line))
    .join("\n");
}

function quoted(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? ">" : `> ${line}`))
    .join("\n");
}
