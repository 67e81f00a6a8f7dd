/** The pull request of a project's new rows: its title and body; pure. */
import { fitToLimit, MAX_COMMENT_CHARS } from "../comment/fit-to-limit.js";
import { neutralizeReport } from "../comment/neutralize.js";
import { GATE_CHECK } from "./gate-check.js";
import type { RefreshedProject } from "./refresh-document.js";
import { sourcesTable } from "./refresh-summary.js";

const MARKER = /^<!-- gitune:refresh project=([a-z0-9._-]{1,100}) -->/;

/** @returns the project whose pull request this is; null where it is none of ours */
export function proposalOf(body: string): string | null {
  return MARKER.exec(body)?.[1] ?? null;
}

export interface ProposalFacts {
  readonly runUrl: string;
  readonly runNumber: number;
  /** Whether GitHub starts no workflows for the pull request, since `GITHUB_TOKEN` makes it. */
  readonly isQuiet: boolean;
}

/** In the body of a pull request: the commit that it speaks of. */
export function commitMark(commit: string): string {
  return `Commit ${commit.slice(0, 7)}`;
}

export function proposalTitle({ name }: RefreshedProject): string {
  return `Refresh ${name}`;
}

/** @returns at most `MAX_COMMENT_CHARS` characters */
export function renderProposal(project: RefreshedProject, { runUrl, runNumber, isQuiet }: ProposalFacts): string {
  const run = `[run ${runNumber}](${runUrl})`;
  const head = `<!-- gitune:refresh project=${project.name} -->\n`;
  const gates = isQuiet
    ? `> [!NOTE]\n> The gate ran inside ${run}, on exactly this commit, and its word is the check \`${GATE_CHECK}\`. GitHub starts no workflows for a pull request made with \`GITHUB_TOKEN\`: for other checks here, close and reopen it, or give the workflow a token of a GitHub App.\n\n`
    : "";
  const tail = `\n\n<sub>${commitMark(project.commit ?? "")} · ${run} · updated in place; what people commit to this branch stays</sub>\n`;
  const body = neutralizeReport(`${sourcesTable(project)}\n${project.run?.comment ?? ""}`).trim();
  const notice = `> [!NOTE]\n> The report is too long for a pull request. All of it is in the [summary of the run](${runUrl}).`;
  const room = MAX_COMMENT_CHARS - head.length - gates.length - tail.length;
  return `${head}${gates}${fitToLimit(body, room, notice)}${tail}`;
}
