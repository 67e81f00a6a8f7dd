/**
 * Lets one commit of a fork's pull request onto the machine that trains. It asks GitHub alone: the workflow that calls it
 * may be the pull request's own, so what that says counts for nothing where the pull request changes a workflow.
 */
import * as core from "@actions/core";
import { GituneError } from "@gitune/core";
import { type Approval, refusalOf } from "./approve/refusal.js";
import { isPrivateRepository, readLabeling, readRunFacts } from "./event.js";
import { createApi, readRole } from "./github.js";
import { type Env, readInput } from "./inputs.js";
import { changedWorkflows } from "./workflow-changes.js";

/** GitHub's own limit of a label's name. */
const MAX_LABEL_CHARS = 50;

/** Sets the output `head-sha`: the commit that may be trained there; empty where none may. */
export async function approveStep(env: Env): Promise<void> {
  core.setOutput("head-sha", "");
  const label = readInput(env, "fork-label");
  if (label.length > MAX_LABEL_CHARS) {
    const message = `input "fork-label": a label has ${MAX_LABEL_CHARS} characters at most`;
    throw new GituneError({ code: "action.input", severity: "error", message });
  }
  const facts = readRunFacts(env);
  const pull = facts.pullRequest;
  if (!pull?.isFork) {
    core.info("Nothing to approve: this is not about a fork's pull request.");
    return;
  }
  const labeling = readLabeling(env);
  const approving = labeling !== null && label !== "" && labeling.label === label ? labeling : null;
  try {
    const octokit = createApi(readInput(env, "github-token"), facts.apiUrl);
    const approval: Approval = {
      isPrivate: isPrivateRepository(env),
      hasEnvironment: readInput(env, "fork-environment") !== "",
      workflows: await changedWorkflows(octokit, facts, pull),
      labeling: approving && { ...approving, role: await readRole(octokit, facts, approving.by) },
    };
    const refusal = refusalOf(approval);
    if (refusal !== null) {
      core.notice(`${refusal}; this commit is trained on GitHub's machines.`, { title: "gitune: not on the runner" });
      return;
    }
    const by = approval.hasEnvironment ? "the environment's reviewers decide" : `${approving?.by} put "${label}"`;
    core.notice(`Commit ${pull.headSha}, and no other: ${by}.`, { title: "gitune: approved for the runner" });
    core.setOutput("head-sha", pull.headSha);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    core.warning(`GitHub could not be asked, so this commit is trained on GitHub's machines (${said}).`, {
      title: "gitune: not on the runner",
    });
  }
}
