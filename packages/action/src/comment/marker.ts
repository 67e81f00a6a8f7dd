/** The hidden first line of our comment: whose it is, and of which run. */
import { createHash } from "node:crypto";
import type { ActionVerdict } from "../result.js";

/** What the comment says: how far a run is, or its verdict. */
export type MarkerState = "queued" | "running" | ActionVerdict;

export interface PastVerdict {
  readonly commit: string;
  readonly verdict: ActionVerdict;
}

export interface Marker {
  /** 40 hex digits: the pull request's head. */
  readonly commit: string;
  /** Counts up with each run of the workflow. */
  readonly run: number;
  /** Counts up within the run. */
  readonly attempt: number;
  /** 16 hex digits: one comment for each workflow and set of projects. */
  readonly key: string;
  readonly verdict: MarkerState;
  /** Verdicts of the commits before, newest first. */
  readonly history: readonly PastVerdict[];
}

/** As many as fit on a screen, opened. */
const MAX_HISTORY = 10;

const VERDICTS: readonly ActionVerdict[] = ["pass", "fail", "inconclusive", "error"];
/** Of one attempt a later state is newer, and a verdict is the last. */
const PHASES: readonly string[] = ["queued", "running"];
/** Only at the very start, where no row's text can be. */
const MARKER =
  /^<!-- gitune:comment key=([0-9a-f]{16}) commit=([0-9a-f]{40}) run=(\d{1,12}) attempt=(\d{1,6}) verdict=([a-z]+)(?: history=([0-9a-f:a-z,]+))? -->/;

/** @param projects as asked for; empty means all of them */
export function markerKey(workflow: string, projects: readonly string[]): string {
  const text = JSON.stringify([workflow, [...projects].sort()]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

export function renderMarker(marker: Marker): string {
  const history = marker.history.map(({ commit, verdict }) => `${commit}:${verdict}`).join(",");
  const facts = [
    `key=${marker.key}`,
    `commit=${marker.commit}`,
    `run=${marker.run}`,
    `attempt=${marker.attempt}`,
    `verdict=${marker.verdict}`,
    ...(history === "" ? [] : [`history=${history}`]),
  ];
  return `<!-- gitune:comment ${facts.join(" ")} -->`;
}

/** @returns null when the text does not begin with a marker of ours */
export function parseMarker(body: string): Marker | null {
  const [, key, commit, run, attempt, verdict, history = ""] = MARKER.exec(body) ?? [];
  if (key === undefined || commit === undefined || verdict === undefined) return null;
  if (!isVerdict(verdict) && !isPhase(verdict)) return null;
  const past = history.split(",").flatMap((entry): PastVerdict[] => {
    const [sha = "", said] = entry.split(":");
    return /^[0-9a-f]{40}$/.test(sha) && isVerdict(said) ? [{ commit: sha, verdict: said }] : [];
  });
  return { key, commit, run: Number(run), attempt: Number(attempt), verdict, history: past.slice(0, MAX_HISTORY) };
}

type Stamp = Pick<Marker, "run" | "attempt" | "verdict">;

/** Whether `a` was written by a later run than `b`, or by the same one when it was further. */
export function isNewer(a: Stamp, b: Stamp): boolean {
  if (a.run !== b.run) return a.run > b.run;
  if (a.attempt !== b.attempt) return a.attempt > b.attempt;
  return phaseOf(a.verdict) > phaseOf(b.verdict);
}

function phaseOf(state: MarkerState): number {
  const at = PHASES.indexOf(state);
  return at < 0 ? PHASES.length : at;
}

/** The history that a comment gets when it replaces `previous`. */
export function historyAfter(previous: Marker, commit: string): readonly PastVerdict[] {
  const { verdict } = previous;
  const last = isVerdict(verdict) ? [{ commit: previous.commit, verdict }] : [];
  const past = [...last, ...previous.history];
  return past.filter((entry) => entry.commit !== commit).slice(0, MAX_HISTORY);
}

function isPhase(text: string): text is "queued" | "running" {
  return PHASES.includes(text);
}

function isVerdict(text: string | undefined): text is ActionVerdict {
  return VERDICTS.some((known) => known === text);
}
