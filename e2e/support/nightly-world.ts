/** A nightly run of the action as a test has it: a repository on the GitHub stand-in with real git behind it, a source of rows, a runner. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getOctokit } from "@actions/github";
import { type ActionFolder, makeActionFolder } from "./action-folder.js";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "./github-server/server.js";
import { assertNoLeaks, type Written } from "./hostile/secrets.js";
import { RefreshRepository } from "./refresh-repository.js";
import { type RowServer, startRowServer } from "./row-server.js";
import { type JobResult, runWorkflow } from "./workflow-runner/run-workflow.js";

/** The branch that rows are proposed on. */
export const BRANCH = "gitune/refresh-colors";
export const OWNER = "octo";
/** What the source asks for, and nobody may see. */
export const KEY = "feedback-key-of-this-test";
const RUNTIME_TOKEN = "runtime-secret";
export const NIGHTLY_WORKFLOW = fileURLToPath(
  new URL("../../fixtures/workflows/.github/workflows/nightly.yml", import.meta.url),
);

/** In place of the command line: prints what `scenario.json` says, and keeps what it was given. */
const SCRIPTED = `
import { readFileSync, writeFileSync } from "node:fs";
const scenario = JSON.parse(readFileSync("scenario.json", "utf8"));
const NOTHING = '{"version":1,"status":"unchanged","branch":"gitune/release","commit":null,"versions":[]}';
if (process.argv[2] === "doctor") process.exit(0);
if (process.argv[2] === "refresh") writeFileSync("seen.json", JSON.stringify({ args: process.argv.slice(2), env: process.env }));
process.stderr.write(scenario.stderr ?? "");
const isRelease = process.argv[2] === "release";
const text = isRelease ? (scenario.versions ?? NOTHING) : (scenario.stdout ?? "");
process.stdout.write(text, () => process.exit(isRelease ? 0 : (scenario.exitCode ?? 0)));
`;

/** `real` is the command line with training, `scripted` a program in its place that prints what no honest one would. */
export type CommandLine = "real" | "scripted";

interface Run {
  readonly workflow?: string;
  /** The runner has the clone of the run before. */
  readonly keepsClone?: boolean;
}

/** Call `next` before each test, and `repository.remove` after it. */
export class NightlyWorld {
  private readonly folders = new Map<CommandLine, ActionFolder>();
  private runNumber = 0;
  private used = 0;
  private opened: RefreshRepository | undefined;
  /** All that jobs showed and sent to GitHub so far, and the tokens that they had. */
  private readonly written: Written[] = [];
  private readonly secrets = [KEY, RUNTIME_TOKEN];

  private constructor(
    readonly github: GitHubServer,
    readonly rows: RowServer,
    private readonly names: readonly string[],
  ) {}

  /** @param tests how many there are at most: each has a repository of its own, and sees no other's pull requests */
  static async start(tests: number): Promise<NightlyWorld> {
    const names = Array.from({ length: tests }, (_, at) => `${OWNER}/rows-${at}`);
    const github = await startGitHub({ users: [OWNER], repositories: names });
    return new NightlyWorld(github, await startRowServer(), names);
  }

  async close(): Promise<void> {
    await this.github.close();
    await this.rows.close();
    for (const folder of this.folders.values()) folder.remove();
  }

  /** Another repository, on a GitHub that works. */
  next(): void {
    this.keepWritten();
    this.github.calm();
    this.github.setSuccesses([]);
    this.used += 1;
  }

  get name(): string {
    const name = this.names[this.used - 1];
    assert.ok(name, "more tests than repositories");
    return name;
  }

  get repository(): RefreshRepository {
    assert.ok(this.opened);
    return this.opened;
  }

  /** YAML of a source of rows on loopback. */
  source(more: { readonly name?: string; readonly path?: string; readonly into?: string } = {}): string {
    const { name = "feedback", path = "/rows.jsonl", into = "train/new.jsonl" } = more;
    return `    - { type: http, name: ${name}, url: "${this.rows.url}${path}", token_env: FEEDBACK_KEY, into: ${into} }`;
  }

  /** The repository, its remote behind the stand-in, and origin's branches as a checkout has them. */
  open(files: Parameters<RefreshRepository["write"]>[0]): void {
    this.opened = new RefreshRepository(files);
    this.opened.git("remote", "add", "origin", this.github.gitFolder(this.name));
    this.opened.git("push", "--quiet", "origin", "main");
    this.checkout();
  }

  /** A fresh runner: no local branch but main. */
  checkout(): void {
    const { repository } = this;
    repository.git("fetch", "--quiet", "--prune", "origin");
    repository.git("checkout", "--quiet", "main");
    repository.git("reset", "--quiet", "--hard", "origin/main");
    const local = repository.git("branch", "--list", "--format=%(refname:short)", "gitune/*");
    for (const branch of local.split("\n").filter((one) => one !== ""))
      repository.git("branch", "--quiet", "-D", branch);
  }

  async run(commandLine: CommandLine = "real", { workflow, keepsClone = false }: Run = {}): Promise<JobResult> {
    if (!keepsClone) this.checkout();
    const { github, repository } = this;
    const action = await this.action(commandLine);
    this.runNumber += 1;
    const result = await runWorkflow({
      workflow: workflow ?? NIGHTLY_WORKFLOW,
      workspace: repository.root,
      event: {
        name: "schedule",
        payload: { schedule: "17 3 * * *" },
        ref: "refs/heads/main",
        sha: repository.git("rev-parse", "HEAD"),
      },
      repository: this.name,
      apiUrl: github.url,
      issueToken: (permissions) => {
        const token = github.issueToken(ACTIONS_BOT, permissions);
        this.secrets.push(token);
        return token;
      },
      runNumber: this.runNumber,
      secrets: { FEEDBACK_KEY: KEY },
      env: { ACTIONS_RUNTIME_TOKEN: RUNTIME_TOKEN },
      actions: {
        // gitune itself, where the reusable workflow gets it.
        "actions/checkout": ({ inputs, workspace }) => {
          if (inputs["path"] === ".gitune-action")
            cpSync(action.root, join(workspace, ".gitune-action"), { recursive: true, verbatimSymlinks: true });
          return {};
        },
        "actions/setup-node": () => ({}),
        "actions/cache": () => ({ "cache-hit": "true" }),
        "actions/cache/restore": () => ({}),
        "actions/cache/save": () => ({}),
        "actions/download-artifact": () => ({}),
        "actions/upload-artifact": () => ({}),
        "gitune/gitune/packages/action/refresh": join(action.dir, "refresh"),
      },
    });
    const job = Object.values(result.jobs)[0]?.[0];
    assert.ok(job);
    this.written.push([`run ${this.runNumber}`, JSON.stringify(job)]);
    return job;
  }

  private keepWritten(): void {
    // With the bodies of all requests: pull requests, issues, checks.
    this.written.push(["GitHub", JSON.stringify(this.github.log)]);
  }

  /** Fails where a job's token or the source's key is in a log, a summary, a page, or a commit, in any spelling. */
  assertNoLeaks(): void {
    this.keepWritten();
    assert.ok(this.secrets.length > 2, "no job had a token");
    const commits = this.names.slice(0, this.used).map((name): Written => {
      const folder = this.github.gitFolder(name);
      return [
        `commits of ${name}`,
        execFileSync("git", ["-C", folder, "log", "--patch", "--all"], { maxBuffer: 2 ** 26 }),
      ];
    });
    assertNoLeaks(this.secrets, [...this.written, ...commits]);
  }

  private async action(commandLine: CommandLine): Promise<ActionFolder> {
    const made = this.folders.get(commandLine);
    if (made) return made;
    const folder = await makeActionFolder(commandLine === "real" ? "real" : { source: SCRIPTED });
    this.folders.set(commandLine, folder);
    return folder;
  }

  /** Opens a repository whose refresh prints what the test says. @param document of the commit with the rows */
  script(document: (commit: string) => unknown, more: { exitCode?: number; stderr?: string } = {}): void {
    this.open({ readme: "x" });
    this.repository.git("checkout", "--quiet", "-b", "rows");
    const commit = this.repository.commit("Rows", { rows: "1" });
    this.repository.git("checkout", "--quiet", "main");
    const stdout = JSON.stringify(document(commit));
    this.repository.write({ "scenario.json": JSON.stringify({ stdout, ...more }) });
  }

  /** GitHub as the repository's owner sees it. */
  get rest(): ReturnType<typeof getOctokit>["rest"] {
    return getOctokit(this.github.issueToken(OWNER), { baseUrl: this.github.url }).rest;
  }

  get where(): { readonly owner: string; readonly repo: string } {
    return { owner: OWNER, repo: this.name.split("/")[1] ?? "" };
  }

  async pulls() {
    return (await this.rest.pulls.list({ ...this.where, state: "all", per_page: 100 })).data;
  }

  async issues() {
    const all = (await this.rest.issues.listForRepo({ ...this.where, state: "all", per_page: 100 })).data;
    return all.filter((one) => !one.pull_request);
  }

  /** git in the remote repository. */
  remote(...args: readonly string[]): string {
    return execFileSync("git", ["-C", this.github.gitFolder(this.name), ...args], { encoding: "utf8" }).trim();
  }
}

export function titles(job: JobResult): readonly (string | undefined)[] {
  return job.annotations.map(({ properties }) => properties["title"]);
}

/** A project as the document of a refresh has it; the commit is there already. */
export function documentProject(commit: string, more: Readonly<Record<string, unknown>> = {}) {
  const counts = { new: 3, known: 1, passed_over: 0, quarantined: 0, issues: [] };
  return {
    name: "colors",
    status: "proposed",
    branch: BRANCH,
    commit,
    verdict: "pass",
    sources: [{ name: "feedback", type: "http", status: "read", ...counts }],
    quarantine: {},
    drift: [],
    quarantine_file: null,
    issues: [],
    run: { exit_code: 0, comment: "## gitune: pass" },
    ...more,
  };
}

/** The document of a refresh of one project that proposes. */
export function proposed(more: Readonly<Record<string, unknown>> = {}) {
  return (commit: string) => ({
    version: 1,
    base: commit,
    exit_code: 0,
    projects: [documentProject(commit, more)],
  });
}
