/** Makes the GitHub release of what was published. It has the token, runs nothing, and takes the result as data. */
import * as core from "@actions/core";
import { printable, redact } from "@gitune/core";
import { readRunFacts } from "../event.js";
import { createApi, type Octokit, type Repository, statusOf, waitAfter } from "../github.js";
import { type Env, readInput } from "../inputs.js";
import { readRelease } from "./release-document.js";
import { renderNotes } from "./release-notes.js";
import { type GitHubRelease, type ReleaseStore, upsertRelease } from "./upsert-release.js";

/** Sets the outputs `release-url` and `is-attested`. */
export async function releaseStep(env: Env): Promise<void> {
  const token = readInput(env, "github-token");
  if (token !== "") core.setSecret(token);
  const release = readRelease(readInput(env, "result-file"));
  const { tag, commit, adapter } = release;
  const facts = readRunFacts(env);
  const octokit = createApi(token, facts.apiUrl);
  const [project = "", version = ""] = tag.split("@");
  const isPrerelease = version.split("+")[0]?.includes("-") === true;
  try {
    const wanted = { tag, commit, title: `${project} ${version}`, isPrerelease };
    const { action, url } = await upsertRelease(releaseStore(octokit, facts), wanted, renderNotes(release));
    core.info(`GitHub release of ${tag}: ${action}.`);
    core.setOutput("release-url", url);
    core.setOutput("is-attested", String(await isAttested(octokit, facts, adapter.sha256)));
  } catch (error) {
    core.error(explain(error, tag, token), { title: "gitune: no GitHub release" });
    process.exitCode = core.ExitCode.Failure;
  }
}

function releaseStore(octokit: Octokit, { owner, repo }: Repository): ReleaseStore {
  const { repos } = octokit.rest;
  const toRelease = (data: { readonly id: number; readonly html_url: string; readonly body?: string | null }) =>
    ({ id: data.id, url: data.html_url, body: data.body ?? "" }) satisfies GitHubRelease;
  return {
    async find(tag) {
      try {
        return toRelease((await repos.getReleaseByTag({ owner, repo, tag })).data);
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    },
    async create({ tag, commit, title, isPrerelease }, body) {
      const named = { tag_name: tag, target_commitish: commit, name: title, prerelease: isPrerelease, body };
      return toRelease((await repos.createRelease({ owner, repo, ...named })).data);
    },
    async update(id, body) {
      await repos.updateRelease({ owner, repo, release_id: id, body });
    },
    waitAfter,
  };
}

/** Whether somebody has attested these very bytes in this repository: another run, or an earlier version with the same adapter. */
async function isAttested(octokit: Octokit, { owner, repo }: Repository, sha256: string): Promise<boolean> {
  try {
    const route = "GET /repos/{owner}/{repo}/attestations/{subject_digest}";
    const { data } = await octokit.request(route, { owner, repo, subject_digest: `sha256:${sha256}` });
    return (data.attestations ?? []).length > 0;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

function explain(error: unknown, tag: string, token: string): string {
  const said = printable(redact(error instanceof Error ? error.message : String(error), [token]));
  const status = statusOf(error);
  const where = `${tag} is on the Hub, and its GitHub release is not as it should be. `;
  if (status === 401) return `${where}GitHub does not know the token of the input github-token (${said}).`;
  if (status === 403)
    return `${where}The job's permissions should be:\n\npermissions:\n  attestations: write\n  contents: write\n  id-token: write\n\n(${said})`;
  return `${where}Run the failed job again: it goes on where it stopped (${said}).`;
}
