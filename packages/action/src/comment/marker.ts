/** The hidden first line of our comment: whose it is, and of which run. */
import { createHash } from "node:crypto";
import type { ActionVerdict } from "../result.js";

/** Which of two runs is the newer one; both count up, the attempt within the run. */
export interface RunStamp {
  /** 40 hex digits: the pull request's head. */
  readonly commit: string;
  readonly run: number;
  readonly attempt: number;
}

export interface PastVerdict {
  readonly commit: string;
  readonly verdict: ActionVerdict;
}

export interface Marker extends RunStamp {
  /** 16 hex digits: one comment for each workflow and set of projects. */
  readonly key: string;
  readonly verdict: ActionVerdict;
  /** Verdicts of the commits before, newest first. */
  readonly history: readonly PastVerdict[];
}

/** As many as fit on a screen, opened. */
const MAX_HISTORY = 10;

const VERDICTS: readonly ActionVerdict[] = ["pass", "fail", "inconclusive", "error"];
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
  if (key === undefined || commit === undefined || !isVerdict(verdict)) return null;
  const past = history.split(",").flatMap((entry): PastVerdict[] => {
    const [sha = "", said] = entry.split(":");
    return /^[0-9a-f]{40}$/.test(sha) && isVerdict(said) ? [{ commit: sha, verdict: said }] : [];
  });
  return { key, commit, run: Number(run), attempt: Number(attempt), verdict, history: past.slice(0, MAX_HISTORY) };
}

export function isNewer(a: RunStamp, b: RunStamp): boolean {
  return a.run === b.run ? a.attempt > b.attempt : a.run > b.run;
}

/** The history that a comment gets when it replaces `previous`. */
export function historyAfter(previous: Marker, commit: string): readonly PastVerdict[] {
  const past = [{ commit: previous.commit, verdict: previous.verdict }, ...previous.history];
  return past.filter((entry) => entry.commit !== commit).slice(0, MAX_HISTORY);
}

function isVerdict(text: string | undefined): text is ActionVerdict {
  return VERDICTS.some((known) => known === text);
}
