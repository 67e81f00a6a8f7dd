/** How far a run is, as Markdown; pure. */
import { escapeMarkdown } from "@gitune/core";
import type { Leg } from "../plan/matrix.js";
import type { ActionResult } from "../result.js";
import { VERDICT_WORDS } from "../verdict-words.js";

/** What GitHub says of a job. */
export interface JobState {
  readonly status: string;
  readonly conclusion: string | null;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  /** Of a job that is over, the step in which its machine went away; of one that runs, the step in hand. */
  readonly lostStep: string | null;
  /** False where no machine took it, as far as GitHub says. */
  readonly hasRunner: boolean;
}

export interface LegState {
  readonly leg: Leg;
  /** Null where GitHub has not made the job yet. */
  readonly job: JobState | null;
  /** When its training last gave a sign of life; null where nothing is known. */
  readonly lastBeat: Date | null;
}

/** Several beats did not come. */
const SILENT_MS = 10 * 60_000;

/** More would hide the conversation; the run's page has all of them. */
const MAX_ROWS = 50;
/** A leg of many projects must not become a wide table. */
const MAX_NAMES = 3;

/**
 * @param plan what needed no training; null before it is known
 * @param legs what is trained, in the plan's order
 */
export function renderProgress(
  state: "queued" | "running",
  plan: ActionResult | null,
  legs: readonly LegState[],
  now: Date,
): string {
  const done = legs.filter(({ job }) => job?.status === "completed").length;
  const sentence =
    legs.length === 0
      ? "Rows are checked, then what changed is trained and evaluated."
      : `${done} of ${legs.length} ${legs.length === 1 ? "job" : "jobs"} done.`;
  const answered = (plan?.projects ?? []).filter(({ status }) => status !== "unchanged");
  const rows = [
    ...legs.map((state) => [
      namesOf(state.leg),
      state.job === null ? "queued" : describe(state.job, state.lastBeat, now),
    ]),
    ...answered.map(({ name, verdict }) => [escapeMarkdown(name), `${VERDICT_WORDS[verdict]}, nothing to train`]),
  ].map((cells) => `| ${cells.join(" | ")} |`);
  const more = rows.length > MAX_ROWS ? [`| and ${rows.length - MAX_ROWS} more | |`] : [];
  return [
    `## ${state === "queued" ? "🕒" : "⏳"} gitune: ${state}`,
    "",
    sentence,
    ...(rows.length > 0 ? ["", "| project | |", "|---|---|", ...rows.slice(0, MAX_ROWS), ...more] : []),
  ].join("\n");
}

function namesOf({ projects }: Leg): string {
  const names = projects.split(",").map(escapeMarkdown);
  const shown = names.slice(0, MAX_NAMES).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}

function describe({ status, conclusion, startedAt, completedAt }: JobState, beat: Date | null, now: Date): string {
  if (status === "completed") {
    const minutes = Math.max(1, Math.round((Date.parse(completedAt ?? "") - Date.parse(startedAt ?? "")) / 60_000));
    const after = Number.isFinite(minutes) ? ` after ${minutes} min` : "";
    return `${conclusion === "success" ? "done" : (conclusion ?? "ended")}${after}`;
  }
  if (status !== "in_progress") return "queued";
  const running = startedAt === null ? "running" : `running since ${clockTime(new Date(startedAt))}`;
  if (beat === null) return running;
  if (now.getTime() - beat.getTime() < SILENT_MS) return `${running}, last sign of life ${clockTime(beat)}`;
  return `⚠️ silent since ${clockTime(beat)}: its machine may be lost`;
}

/** `14:02 UTC` */
export function clockTime(date: Date): string {
  return `${date.toISOString().slice(11, 16)} UTC`;
}
