/** Whether a fork's commit may be trained on a machine of the repository's own; pure. */
import type { Labeling } from "../event.js";
import type { RepositoryRole } from "../github.js";

export interface Approval {
  readonly isPrivate: boolean;
  /** Whether GitHub asks an environment's reviewers before the job starts. */
  readonly hasEnvironment: boolean;
  /** Files of workflows that the pull request changes; null where it changes too much to tell. */
  readonly workflows: readonly string[] | null;
  /** That this run is of the moment when somebody put the label that approves; null for any other run. */
  readonly labeling: (Labeling & { readonly role: RepositoryRole }) | null;
}

/** Who may push may run anything on the machine anyway; who may only triage may not. */
const MAY_APPROVE: readonly RepositoryRole[] = ["admin", "write"];

/** @returns why it may not, as the start of a sentence; null where it may */
export function refusalOf({ isPrivate, hasEnvironment, workflows, labeling }: Approval): string | null {
  if (!isPrivate) return "A fork's pull request of a public repository never gets the runner";
  if (workflows === null) return "The pull request changes more files than GitHub lists, so it may change a workflow";
  if (workflows.length > 0) return "The pull request changes a workflow";
  if (hasEnvironment) return null;
  // A label that is still there from an earlier commit is no approval of this one.
  if (labeling === null) return "Nobody has put the label that approves on this commit";
  if (MAY_APPROVE.includes(labeling.role)) return null;
  return `${labeling.by} may not push to this repository, so the label approves nothing`;
}
