/** The four workflows of a repository, as callers of gitune's own. */
import { GituneError } from "@gitune/core";

export type Visibility = "public" | "private";

export interface WorkflowOptions {
  /** `owner/name@ref` of gitune's repository. */
  readonly action: string;
  /** Labels of the machine that trains. */
  readonly runner: readonly string[];
  /** Null where nobody said. */
  readonly visibility: Visibility | null;
}

const HOSTED = /^(ubuntu|windows|macos)-(latest|[0-9][\w.-]*)$/;

/** Whether GitHub makes the machine anew for each job. Any other label may be a machine of the owner's. */
export function isHosted(runner: readonly string[]): boolean {
  return runner.length === 1 && HOSTED.test(runner[0] ?? "");
}

/**
 * Anyone can open a pull request from a fork of a public repository, and with it run code where the workflow runs.
 * @throws {GituneError} `cli.usage` for a machine of one's own, unless the repository is known to be private
 */
export function refuseOpenRunner({ runner, visibility }: Pick<WorkflowOptions, "runner" | "visibility">): void {
  if (isHosted(runner) || visibility === "private") return;
  const whose = visibility === "public" ? "of a public repository" : "of a repository that may be public";
  throw new GituneError({
    code: "cli.usage",
    severity: "error",
    message: `pull requests from forks ${whose} could run their code on ${runner.join(", ")}`,
    expected: "a runner of GitHub's, such as ubuntu-latest, or a private repository",
    found: `--runner ${runner.join(",")}${visibility === null ? "" : ` --visibility ${visibility}`}`,
    fix: "leave out --runner, or say --visibility private if nobody outside can open pull requests",
  });
}

/** Path -> text of each workflow. @throws {GituneError} as `refuseOpenRunner` */
export function workflowFiles(options: WorkflowOptions): Readonly<Record<string, string>> {
  refuseOpenRunner(options);
  return {
    ".github/workflows/gitune.yml": pullRequest(options),
    ".github/workflows/gitune-fork-comment.yml": forkComment(options),
    ".github/workflows/gitune-release.yml": release(options),
    ".github/workflows/gitune-nightly.yml": nightly(options),
  };
}

/** `owner/name@ref` with a path in between. */
function at(action: string, path: string): string {
  const [repository = "", ref = ""] = action.split("@");
  return `${repository}/${path}@${ref}`;
}

function pullRequest({ action, runner }: WorkflowOptions): string {
  return `# Trains, evaluates and judges what a pull request changes. The check to require is "gitune / gate".
# No \`paths:\`: a required check that never starts stays "pending" for ever.
name: gitune
on:
  pull_request:
  # A merge queue waits for the check on its own branch.
  merge_group:

permissions: {}

concurrency:
  group: gitune-\${{ github.event.pull_request.number || github.ref }}
  cancel-in-progress: true

jobs:
  gitune:
    uses: ${at(action, ".github/workflows/gitune-pr.yml")}
    permissions:
      actions: read
      checks: write
      contents: read
      pull-requests: write${runnerInput(runner)}
`;
}

function forkComment({ action }: WorkflowOptions): string {
  return `# Comments on the pull requests of forks, once their own run is done: it reads the verdict, and runs nothing of them.
name: gitune fork comment
on:
  workflow_run:
    workflows: [gitune]
    types: [completed]

permissions: {}

jobs:
  gitune:
    uses: ${at(action, ".github/workflows/gitune-fork.yml")}
    permissions:
      actions: read
      checks: write
      contents: read
      pull-requests: write
`;
}

function release({ action, runner }: WorkflowOptions): string {
  return `# A tag <project>@<version> is gated, published to the Hugging Face Hub where its gitune.yaml has \`publish\`, and released
# on GitHub with its report. Make this workflow a trusted publisher of the repository on the Hub, or give it the secret HF_TOKEN.
# By hand for a dry run, or for a tag that GitHub started no run for (it does not where more than three are pushed at once).
name: gitune release
on:
  push:
    tags: ["*@*"]
  workflow_dispatch:
    inputs:
      tag:
        description: "<project>@<version>; for a dry run also a project's name"
        type: string
        required: true
      dry-run:
        description: Train and judge, say what would be published, and publish nothing
        type: boolean
        default: false

permissions: {}

jobs:
  release:
    uses: ${at(action, ".github/workflows/gitune-release.yml")}
    permissions:
      attestations: write
      contents: write
      id-token: write
    with:
      tag: \${{ inputs.tag || '' }}
      dry-run: \${{ inputs.dry-run || false }}${runnerLine(runner)}
    secrets:
      hf-token: \${{ secrets.HF_TOKEN }}
`;
}

function nightly({ action, runner }: WorkflowOptions): string {
  return `# Pulls new rows of the sources in each gitune.yaml, trains and gates them, and proposes them in a pull request.
name: gitune nightly
on:
  schedule:
    # Not on the hour, when schedules are dropped most.
    - cron: "23 3 * * *"
  workflow_dispatch:

permissions: {}

jobs:
  refresh:
    uses: ${at(action, ".github/workflows/gitune-nightly.yml")}
    permissions:
      actions: read
      checks: write
      contents: write
      issues: write
      pull-requests: write${runnerInput(runner)}
`;
}

/** Nothing where the called workflow's own default is meant. */
function runnerInput(runner: readonly string[]): string {
  const line = runnerLine(runner);
  return line === "" ? "" : `\n    with:${line}`;
}

function runnerLine(runner: readonly string[]): string {
  return runner.length === 1 && runner[0] === "ubuntu-latest" ? "" : `\n      runner: '${JSON.stringify(runner)}'`;
}
