/**
 * The gate's word on a proposal, as the check run that a pull request's own workflow would leave: GitHub starts none for
 * what `GITHUB_TOKEN` opens, and a required check would wait for ever.
 */
import type { CheckConclusion, CheckOutput } from "../check/post-check.js";
import { checkSummary } from "../check/to-check.js";
import type { RefreshedProject } from "./refresh-document.js";

/** The check that docs/github.md says to require. */
export const GATE_CHECK = "gitune / gate";

/** @returns null where the gate has not run on the proposal's commit */
export function gateCheckOf(
  { name, verdict, run }: RefreshedProject,
  runUrl: string,
): { readonly conclusion: CheckConclusion; readonly output: CheckOutput } | null {
  if (run === null) return null;
  const isRefused = run.exit_code === 1;
  return {
    conclusion: isRefused ? "failure" : verdict === "pass" ? "success" : "neutral",
    output: {
      title: `${isRefused ? "fail" : (verdict ?? "no verdict")}: ${name}`,
      summary: checkSummary(run.comment, runUrl),
      annotations: [],
    },
  };
}
