/** A pull request: a git repository on disk, and the same on the GitHub stand-in. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { getOctokit } from "@actions/github";
import type { GitHubServer } from "./github-server/server.js";
import type { Json } from "./workflow-runner/expressions.js";
import type { WorkflowEvent } from "./workflow-runner/triggers.js";

/** Path -> content. */
export type Files = Readonly<Record<string, string | Buffer>>;

export const OWNER = "octo";
export const REPO = "rows";

export interface PullRequestComment {
  readonly id: number;
  readonly body: string;
  readonly author: string;
}

export interface PullRequestFixture {
  /** Checked out as actions/checkout does it: head merged into base. */
  readonly workspace: string;
  readonly number: number;
  readonly headSha: string;
  readonly baseSha: string;
  readonly event: (options?: EventOptions) => WorkflowEvent;
  /** It is queued: GitHub's event about the same commit, on a branch of the queue's. */
  readonly mergeGroup: (repository: { readonly private: boolean }) => WorkflowEvent;
  /** Another commit on the head. */
  readonly push: (files: Files) => void;
  /** Another history in place of the head's, or one that it had before. @param head a commit, or files on the base */
  readonly forcePush: (head: string | Files) => void;
  /** Another commit on the head: a symlink, in place of whatever is there. */
  readonly link: (path: string, target: string) => void;
  readonly comments: () => Promise<readonly PullRequestComment[]>;
  /** As a person. */
  readonly addComments: (bodies: readonly string[], login?: string) => Promise<void>;
  readonly deleteComment: (id: number) => Promise<void>;
  readonly remove: () => void;
}

export interface EventOptions {
  readonly isFork?: boolean;
  /** The event is that somebody put a label. */
  readonly label?: { readonly name: string; readonly by: string };
}

export async function makePullRequest(
  github: GitHubServer,
  files: { readonly base: Files; readonly head: Files },
): Promise<PullRequestFixture> {
  const workspace = mkdtempSync(join(tmpdir(), "gitune-pr-"));
  const git = (...args: readonly string[]) =>
    execFileSync("git", [...args], { cwd: workspace, encoding: "utf8", env: gitEnv() }).trim();
  const commit = (changed: Files, message: string) => {
    for (const [path, content] of Object.entries(changed)) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true });
      writeFileSync(join(workspace, path), content);
    }
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "--message", message);
    return git("rev-parse", "HEAD");
  };
  git("init", "--quiet", "--initial-branch=main");
  const baseSha = commit(files.base, "base");
  git("checkout", "--quiet", "-b", "change");
  let headSha = commit(files.head, "head");
  const mergeHead = () => {
    git("checkout", "--quiet", "--detach", baseSha);
    git("merge", "--quiet", "--no-ff", "--no-edit", headSha);
  };
  mergeHead();

  const number = await openPullRequest(github);
  const setHead = (repository = `${OWNER}/${REPO}`) => {
    const files = git("diff", "--name-only", `${baseSha}...${headSha}`).split("\n");
    github.setHead(number, { sha: headSha, ref: "change", repository, files });
  };
  setHead();
  const issue = { owner: OWNER, repo: REPO, issue_number: number };
  const rest = octokit(github, OWNER).rest;

  return {
    workspace,
    number,
    get headSha() {
      return headSha;
    },
    baseSha,
    event({ isFork = false, label } = {}) {
      setHead(isFork ? `guest/${REPO}` : undefined);
      const base = { ref: "main", sha: baseSha, repo: { full_name: `${OWNER}/${REPO}` } };
      const head = { ref: "change", sha: headSha, repo: { full_name: isFork ? `guest/${REPO}` : `${OWNER}/${REPO}` } };
      const what = label
        ? { action: "labeled", label: { name: label.name }, sender: { login: label.by } }
        : { action: "synchronize", sender: { login: isFork ? "guest" : OWNER } };
      const payload: { [name: string]: Json } = { ...what, number, pull_request: { number, base, head } };
      return { name: "pull_request", payload, ref: `refs/pull/${number}/merge`, sha: git("rev-parse", "HEAD") };
    },
    mergeGroup(repository) {
      const sha = git("rev-parse", "HEAD");
      const ref = `refs/heads/gh-readonly-queue/main/pr-${number}-${baseSha}`;
      const commit = { id: sha, tree_id: git("rev-parse", "HEAD^{tree}"), message: `Merge pull request #${number}` };
      const payload = {
        action: "checks_requested",
        merge_group: {
          head_sha: sha,
          head_ref: ref,
          base_sha: baseSha,
          base_ref: "refs/heads/main",
          head_commit: commit,
        },
        repository: { ...repository, full_name: `${OWNER}/${REPO}` },
        sender: { login: OWNER },
      };
      return { name: "merge_group", payload, ref, sha };
    },
    push(changed) {
      git("checkout", "--quiet", "change");
      headSha = commit(changed, "another");
      setHead();
      mergeHead();
    },
    forcePush(head) {
      git("checkout", "--quiet", "-B", "change", typeof head === "string" ? head : baseSha);
      headSha = typeof head === "string" ? head : commit(head, "another history");
      setHead();
      mergeHead();
    },
    link(path, target) {
      git("checkout", "--quiet", "change");
      rmSync(join(workspace, path), { recursive: true, force: true });
      symlinkSync(target, join(workspace, path));
      git("add", "--force", "--", path);
      headSha = commit({}, `link ${path}`);
      setHead();
      mergeHead();
    },
    async comments() {
      const all = await octokit(github, OWNER).paginate(rest.issues.listComments, { ...issue, per_page: 100 });
      return all.map((comment) => ({ id: comment.id, body: comment.body ?? "", author: comment.user?.login ?? "" }));
    },
    async addComments(bodies, login = OWNER) {
      const { issues } = octokit(github, login).rest;
      for (const body of bodies) await issues.createComment({ ...issue, body });
    },
    async deleteComment(id) {
      await rest.issues.deleteComment({ owner: OWNER, repo: REPO, comment_id: id });
    },
    remove: () => rmSync(workspace, { recursive: true, force: true }),
  };
}

const AUTHOR = {
  GIT_AUTHOR_NAME: "Octo",
  GIT_AUTHOR_EMAIL: "octo@example.com",
  GIT_COMMITTER_NAME: "Octo",
  GIT_COMMITTER_EMAIL: "octo@example.com",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

/** Nothing that points at another repository, as when the tests run from a git hook. */
function gitEnv(): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  return { ...Object.fromEntries(env), ...AUTHOR };
}

function octokit(github: GitHubServer, login: string) {
  return getOctokit(github.issueToken(login), { baseUrl: github.url });
}

let branches = 0;

/** The stand-in's own commits are others than those on disk; comments do not look at them. */
async function openPullRequest(github: GitHubServer): Promise<number> {
  const { rest } = octokit(github, OWNER);
  const where = { owner: OWNER, repo: REPO };
  branches += 1;
  const branch = `change-${branches}`;
  const main = await rest.git.getRef({ ...where, ref: "heads/main" });
  await rest.git.createRef({ ...where, ref: `refs/heads/${branch}`, sha: main.data.object.sha });
  const content = Buffer.from(`${branch}\n`).toString("base64");
  await rest.repos.createOrUpdateFileContents({ ...where, branch, path: branch, message: branch, content });
  const pull = await rest.pulls.create({ ...where, title: branch, head: branch, base: "main" });
  return pull.data.number;
}
