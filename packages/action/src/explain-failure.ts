/** What a user can do about something that could not be posted. The job's summary has the report in any case. */
import { printable, redact } from "@gitune/core";
import { statusOf } from "./github.js";
import { explainRateLimit, rateLimitOf } from "./rate-limit.js";

/** All that posting takes; the pipeline itself needs the first line alone. */
const PERMISSIONS = "permissions:\n  contents: read\n  pull-requests: write\n  checks: write";

/**
 * @param isReadOnly whether no permission of the workflow would help, as in the run of a fork's pull request
 * @param token what the server was sent, and must not be shown again
 */
export function explainFailure(error: unknown, isReadOnly: boolean, token: string): string {
  const status = statusOf(error);
  const said = printable(redact(error instanceof Error ? error.message : String(error), [token]));
  const limit = rateLimitOf(error);
  if (limit) return `${explainRateLimit(limit, said)} The report is in the job's summary.`;
  if (status === 403 && /locked/i.test(said)) return `The conversation is locked, so there is no comment (${said}).`;
  if (status === 401) return `GitHub does not know the token of the input github-token (${said}).`;
  if (status !== 403 && status !== 404) {
    return `GitHub could not be reached; the report is in the job's summary (${said}).`;
  }
  if (isReadOnly) {
    return "A pull request from a fork gets a token that can only read, so there is no comment and no check run; the report is in the job's summary. docs/github.md shows the second workflow that comments.";
  }
  const needed = /check/i.test(pathOf(error)) ? "checks: write" : "pull-requests: write";
  return `The token lacks \`${needed}\`; the report is in the job's summary. The workflow's permissions should be:\n\n${PERMISSIONS}\n\n(${said})`;
}

/** Of the request that was refused. */
function pathOf(error: unknown): string {
  const request = (error as { request?: { url?: string } }).request;
  return request?.url ?? "";
}
