import { ACTIONS_BOT, type GitHubServer } from "./github-server/server.js";
import type { Permissions } from "./github-server/tokens.js";
import { OWNER, type PullRequestFixture, REPO } from "./pull-request.js";

/** What a workflow's run has from the pull request that it is for, and from GitHub. */
export const onPullRequest = (github: GitHubServer, pull: PullRequestFixture, event = pull.event()) => ({
  workspace: pull.workspace,
  event,
  repository: `${OWNER}/${REPO}`,
  apiUrl: github.url,
  issueToken: (permissions: Permissions) => github.issueToken(ACTIONS_BOT, permissions),
});
