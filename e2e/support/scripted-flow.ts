/**
 * The flow of a pull request by the repository's own workflow files, with a program in the CLI's place that answers what
 * a test needs.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "./action-folder.js";
import { type GitHubServer, startGitHub } from "./github-server/server.js";
import type { Permissions } from "./github-server/tokens.js";
import { onPullRequest } from "./on-pull-request.js";
import { makePullRequest, OWNER, type PullRequestFixture, REPO } from "./pull-request.js";
import { type StoredActions, storedActions } from "./stored-actions.js";
import type { Json } from "./workflow-runner/expressions.js";
import { runWorkflow, type WorkflowResult } from "./workflow-runner/run-workflow.js";
import type { WorkflowEvent } from "./workflow-runner/triggers.js";

/** Answers a verb, or `run` of certain projects, as `scenario.json` says. */
const SCRIPTED_CLI = `
import { readFileSync } from "node:fs";
const [verb, ...rest] = process.argv.slice(2);
const projects = rest.slice(0, rest.indexOf("--json")).join(",");
const scenario = JSON.parse(readFileSync("scenario.json", "utf8"));
const { answer, exitCode = 0 } = scenario[verb + " " + projects] ?? scenario[verb] ?? { answer: {} };
process.stdout.write(JSON.stringify(answer), () => process.exit(exitCode));
`;

export interface Answer {
  readonly answer: unknown;
  readonly exitCode?: number;
}
/** A verb, or `run` and its projects -> what the program says. */
export type Scenario = Readonly<Record<string, Answer>>;

export const project = (name: string, verdict = "pass", status = "changed") => ({
  name,
  verdict,
  status,
  comparison: null,
});
export const answer = (projects: readonly ReturnType<typeof project>[], more: object = {}): Answer => {
  const isFail = projects.some(({ verdict }) => verdict === "fail");
  const verdict = isFail ? "fail" : "pass";
  const comment = `## report of ${projects.map(({ name }) => name).join(", ")}`;
  return { answer: { version: 1, verdict, projects, comment, ...more }, exitCode: isFail ? 1 : 0 };
};
/** Two projects to train, one that is not. */
export const TWO: Scenario = {
  plan: answer([project("still", "pass", "unchanged")], { pending: ["a", "b"] }),
  "run a": answer([project("a")]),
  "run b": answer([project("b")]),
};

export interface Call {
  readonly workflow?: string;
  readonly event?: WorkflowEvent;
  readonly onJob?: (name: string, status: string) => void;
}

export interface Flow extends WorkflowResult {
  readonly runId: string;
  readonly runNumber: number;
  /** What each job's token may do. */
  readonly granted: readonly Permissions[];
  readonly machines: Readonly<Record<string, { readonly runsOn: Json; readonly environment: Json }>>;
}

/** A job of the workflow that is called. */
export const jobOf = (flow: WorkflowResult, name: string) => flow.jobs[`gitune / ${name}`]?.[0];
export const gateTitles = (flow: WorkflowResult) =>
  (jobOf(flow, "gate")?.annotations ?? []).map(({ properties }) => properties["title"] ?? "");

/** Made before a test file's tests, calm before each, gone after all of them. */
export class ScriptedFlows {
  github!: GitHubServer;
  stored!: StoredActions;
  /** Of the test that runs. */
  pull!: PullRequestFixture;
  #action!: ActionFolder;
  /** Where the workflow files of users are. */
  readonly #callers = mkdtempSync(join(tmpdir(), "gitune-callers-"));
  #runNumber = 0;

  constructor() {
    before(async () => {
      this.github = await startGitHub({ users: [OWNER, "guest"], repositories: [`${OWNER}/${REPO}`] });
      this.#action = await makeActionFolder({ source: SCRIPTED_CLI });
      this.stored = storedActions(this.#action);
    });
    after(async () => {
      await this.github.close();
      this.#action.remove();
      this.stored.remove();
      rmSync(this.#callers, { recursive: true, force: true });
    });
    beforeEach(() => this.github.calm());
    afterEach(() => this.pull.remove());
  }

  async open(scenario: Scenario): Promise<void> {
    const head = { "scenario.json": JSON.stringify(scenario) };
    this.pull = await makePullRequest(this.github, { base: { a: "1" }, head });
  }

  /** One run of a workflow, by default on the pull request as it is now. A later call has the higher number. */
  async run(call: Call = {}): Promise<Flow> {
    this.#runNumber += 1;
    const runNumber = this.#runNumber;
    const { github, pull, stored } = this;
    const around = onPullRequest(github, pull, call.event);
    const runId = String(9_000_000 + runNumber);
    const granted: Permissions[] = [];
    const machines: Record<string, { runsOn: Json; environment: Json }> = {};
    const result = await runWorkflow({
      workflow: call.workflow ?? this.callerWith(""),
      ...around,
      isolated: true,
      issueToken(permissions) {
        granted.push(permissions);
        return around.issueToken(permissions);
      },
      runNumber,
      resolveWorkflow: (uses) => join(REPOSITORY, uses),
      actions: stored.forRun({ id: runId, repository: pull.workspace, sha: around.event.sha }),
      onJob(job) {
        github.setJob(runId, job);
        call.onJob?.(job.name, job.status);
      },
      onRunner({ name, runsOn, environment }) {
        machines[name] = { runsOn, environment };
      },
    });
    return { ...result, runId, runNumber, granted, machines };
  }

  /** A workflow of a user's, which calls ours with other inputs. @returns its file */
  callerWith(
    inputs: string,
    permissions = "actions: read, checks: write, contents: read, pull-requests: write",
  ): string {
    const dir = join(this.#callers, ".github/workflows");
    mkdirSync(dir, { recursive: true });
    const text = `name: gitune
on: [pull_request, merge_group]
permissions: {}
jobs:
  gitune:
    uses: ./.github/workflows/gitune-pr.yml
    permissions: { ${permissions} }
    with: { progress-seconds: 1${inputs === "" ? "" : `, ${inputs}`} }
`;
    const path = join(dir, "caller.yml");
    writeFileSync(path, text);
    return path;
  }

  async onlyComment(): Promise<string> {
    const comments = await this.pull.comments();
    assert.equal(comments.length, 1);
    return comments[0]?.body ?? "";
  }
}
