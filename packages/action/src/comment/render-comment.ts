/** The whole body of a comment: marker, the report, the commits before, and where it comes from. */
import type { ActionResult, ActionVerdict } from "../result.js";
import { fitToLimit, MAX_COMMENT_CHARS } from "./fit-to-limit.js";
import { type Marker, renderMarker } from "./marker.js";
import { neutralizeMarkdown } from "./neutralize.js";

const VERDICT_WORDS: Readonly<Record<ActionVerdict, string>> = {
  pass: "✅ pass",
  fail: "❌ fail",
  inconclusive: "⚠️ inconclusive",
  error: "🛑 no verdict",
};

/** @returns at most `MAX_COMMENT_CHARS` characters */
export function renderComment(result: ActionResult, marker: Marker, runUrl: string): string {
  const attempt = marker.attempt > 1 ? `, attempt ${marker.attempt}` : "";
  const footer = `<sub>Commit ${marker.commit.slice(0, 7)} · [run ${marker.run}](${runUrl})${attempt}</sub>`;
  const head = `${renderMarker(marker)}\n`;
  const tail = `\n\n${renderHistory(marker)}${footer}\n`;
  const notice = `> [!NOTE]\n> The report is too long for a comment. All of it is in the [summary of the run](${runUrl}).`;
  const report = neutralizeMarkdown(result.comment).trimEnd();
  return `${head}${fitToLimit(report, MAX_COMMENT_CHARS - head.length - tail.length, notice)}${tail}`;
}

function renderHistory(marker: Marker): string {
  if (marker.history.length === 0) return "";
  const rows = marker.history.map(({ commit, verdict }) => `| ${commit.slice(0, 7)} | ${VERDICT_WORDS[verdict]} |`);
  return [
    "<details><summary>Earlier commits</summary>",
    "",
    "| commit | verdict |",
    "|---|---|",
    ...rows,
    "",
    "</details>",
    "",
    "",
  ].join("\n");
}
