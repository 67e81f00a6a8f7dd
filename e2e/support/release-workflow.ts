/** Releases by our own workflow file, on machines that share nothing but artifacts and the cache, between a Hub and a GitHub on loopback. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { getOctokit } from "@actions/github";
import { type ActionFolder, makeActionFolder, REPOSITORY } from "./action-folder.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "./github-server/server.js";
import { type HubServer, startHub } from "./hub-server/server.js";
import { workflowIdentity } from "./publish-world.js";
import { ReleaseRepository } from "./release-repository.js";
import { type ResultsServer, startResults } from "./results-server.js";
import { type StoredActions, storedActions } from "./stored-actions.js";
import { type Conclusion, type JobResult, runWorkflow } from "./workflow-runner/run-workflow.js";
import type { WorkflowEvent } from "./workflow-runner/triggers.js";

const OWNER = "acme";
const REPO = "rows";
/** As GitHub names it, `owner/name`. */
export const RELEASE_REPOSITORY = `${OWNER}/${REPO}`;

const RUNTIME_TOKEN = "runtime-secret";

export interface ReleaseRun {
  readonly conclusion: Conclusion | "not-triggered";
  readonly runId: string;
  readonly gate: JobResult;
  readonly publish: JobResult;
  readonly release: JobResult;
  /** Of all jobs. */
  readonly log: string;
}

export interface RunOptions {
  /** Path of the workflow; our own where it is not given. Whoever it calls, gitune's are this checkout's. */
  readonly workflow?: string;
  /** In place of the push of the tag. */
  readonly event?: WorkflowEvent;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Everything that a release passes through. */
export class ReleaseWorkflow {
  readonly hub: HubServer;
  readonly github: GitHubServer;
  readonly repository = new ReleaseRepository();
  readonly stored: StoredActions;
  /** May write to the Hub. */
  token: string;
  /** What each run showed, and every token that one had. */
  readonly runs: ReleaseRun[] = [];
  readonly #jobTokens: string[] = [];
  readonly #action: ActionFolder;
  readonly #results: ResultsServer;
  #runs = 0;

  private constructor(hub: HubServer, github: GitHubServer, results: ResultsServer, action: ActionFolder) {
    this.hub = hub;
    this.github = github;
    this.#results = results;
    this.#action = action;
    this.stored = storedActions(action);
    this.token = hub.tokens.issue({ name: "acme" });
  }

  /** @param cli as of `makeActionFolder` */
  static async open(cli: Parameters<typeof makeActionFolder>[0]): Promise<ReleaseWorkflow> {
    const github = await startGitHub({ users: [OWNER], repositories: [RELEASE_REPOSITORY] });
    return new ReleaseWorkflow(await startHub(), github, await startResults(), await makeActionFolder(cli));
  }

  /** Runs the workflow as the push of a tag does, which the repository has. */
  async run(
    tag: string,
    { workflow, event, secrets = { HF_TOKEN: this.token }, env = {} }: RunOptions = {},
  ): Promise<ReleaseRun> {
    const { hub, github, repository, stored } = this;
    this.#runs += 1;
    const runId = String(9_000_000 + this.#runs);
    this.#results.folder = stored.artifacts(runId);
    const ref = `refs/tags/${tag}`;
    const sha = event?.sha ?? repository.git("rev-parse", `${ref}^{commit}`);
    const { conclusion, jobs } = await runWorkflow({
      workflow: workflow ?? join(REPOSITORY, ".github/workflows/release.yml"),
      resolveWorkflow: (uses) => join(REPOSITORY, uses.replace(/^gitune\/gitune\//, "").replace(/@.*$/, "")),
      workspace: repository.root,
      isolated: true,
      event: event ?? { name: "push", payload: { ref, repository: { private: false } }, ref, sha },
      repository: RELEASE_REPOSITORY,
      apiUrl: github.url,
      issueToken: (permissions) => {
        const token = github.issueToken(ACTIONS_BOT, permissions);
        this.#jobTokens.push(token);
        return token;
      },
      runNumber: this.#runs,
      secrets,
      env: { HF_ENDPOINT: hub.url, ACTIONS_RUNTIME_TOKEN: RUNTIME_TOKEN, ...env },
      identity: workflowIdentity(hub),
      nodeActionEnv: this.#results.actionEnv,
      actions: {
        ...stored.forRun({ id: runId, repository: repository.root, sha }),
        "actions/attest": join(REPOSITORY, "e2e/fixtures/attest"),
      },
    });
    const job = (name: string): JobResult => {
      const found = jobs[`release / ${name}`]?.[0];
      assert.ok(found, `there is a job ${name}`);
      return found;
    };
    const [gate, publish, release] = [job("gate"), job("publish"), job("release")];
    const log = [gate, publish, release].map((one) => one.log).join("\n");
    const run = { conclusion, runId, gate, publish, release, log };
    this.runs.push(run);
    return run;
  }

  /** Tokens of every kind that a run had. */
  get secrets(): readonly string[] {
    const identity = workflowIdentity(this.hub)["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] ?? "";
    return [...this.hub.tokens.issued, ...this.#jobTokens, RUNTIME_TOKEN, identity];
  }

  /** A tag's GitHub release; never more than one. */
  async releaseOf(tag: string) {
    const all = await this.#octokit().paginate(this.#octokit().rest.repos.listReleases, {
      owner: OWNER,
      repo: REPO,
      per_page: 100,
    });
    const found = all.filter(({ tag_name: name }) => name === tag);
    assert.ok(found.length < 2, `${tag} has ${found.length} releases`);
    return found[0];
  }

  /** As a person. */
  async makeRelease(tag: string, name: string, body: string, { draft = false } = {}): Promise<void> {
    await this.#octokit().rest.repos.createRelease({ owner: OWNER, repo: REPO, tag_name: tag, name, body, draft });
  }

  async close(): Promise<void> {
    this.repository.remove();
    this.stored.remove();
    this.#action.remove();
    await this.#results.close();
    await this.github.close();
    await this.hub.close();
  }

  #octokit() {
    return getOctokit(this.github.issueToken(OWNER), { baseUrl: this.github.url });
  }
}

/** What a job's messages are called. */
export const titles = ({ annotations }: JobResult): readonly (string | undefined)[] =>
  annotations.map(({ properties }) => properties["title"]);
