/** The whole body of a comment: marker, the report or how far the run is, the commits before, and where it comes from. */
import { VERDICT_WORDS } from "../verdict-words.js";
import { fitToLimit, MAX_COMMENT_CHARS } from "./fit-to-limit.js";
import { type Marker, renderMarker } from "./marker.js";
import { neutralizeReport } from "./neutralize.js";

export interface CommentSurroundings {
  readonly runUrl: string;
  /** The pull request's head now, where it is known. */
  readonly head?: string;
  /** Said before the report: Markdown, not trusted. */
  readonly caution?: string;
}

/**
 * @param report Markdown, not trusted
 * @returns at most `MAX_COMMENT_CHARS` characters
 */
export function renderComment(report: string, marker: Marker, around: CommentSurroundings): string {
  const { runUrl, head = marker.commit, caution = "" } = around;
  const attempt = marker.attempt > 1 ? `, attempt ${marker.attempt}` : "";
  const footer = `<sub>Commit ${marker.commit.slice(0, 7)} · [run ${marker.run}](${runUrl})${attempt}</sub>`;
  const notes = `${head === marker.commit ? "" : outdated(marker, head)}${neutralizeReport(caution)}`;
  const top = `${renderMarker(marker)}\n${notes}`;
  const tail = `\n\n${renderHistory(marker)}${footer}\n`;
  const notice = `> [!NOTE]\n> The report is too long for a comment. All of it is in the [summary of the run](${runUrl}).`;
  const text = neutralizeReport(report).trimEnd();
  return `${top}${fitToLimit(text, MAX_COMMENT_CHARS - top.length - tail.length, notice)}${tail}`;
}

function outdated(marker: Marker, head: string): string {
  const [was, is] = [marker.commit.slice(0, 7), head.slice(0, 7)];
  return `> [!WARNING]\n> This is about commit ${was}, which is no longer the head; ${is} is.\n\n`;
}

/** Struck through: none of them is about the head. */
function renderHistory(marker: Marker): string {
  if (marker.history.length === 0) return "";
  const rows = marker.history.map(({ commit, verdict }) => `| ${commit.slice(0, 7)} | ~~${VERDICT_WORDS[verdict]}~~ |`);
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
