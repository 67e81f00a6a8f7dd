/** Makes the GitHub release of what was published. It has the token, runs nothing, and takes the result as data. */
import * as core from "@actions/core";
import { printable, redact } from "@gitune/core";
import { readRunFacts } from "../event.js";
import { createApi, type Octokit, type Repository, statusOf, waitAfter } from "../github.js";
import { type Env, readInput } from "../inputs.js";
import { explainRateLimit, rateLimitOf } from "../rate-limit.js";
import { readRelease } from "./release-document.js";
import { renderNotes } from "./release-notes.js";
import { type GitHubRelease, type NewRelease, type ReleaseStore, upsertRelease } from "./upsert-release.js";

/** A draft of a new tag is among the newest; older than ten pages of releases it was forgotten. */
const MAX_LISTED = 1000;

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
  const fieldsOf = ({ tag, commit, title, isPrerelease }: NewRelease, body: string) =>
    ({ owner, repo, tag_name: tag, target_commitish: commit, name: title, prerelease: isPrerelease, body }) as const;
  return {
    async find(tag) {
      try {
        return toRelease((await repos.getReleaseByTag({ owner, repo, tag })).data);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        return findDraft(octokit, { owner, repo }, tag);
      }
    },
    async create(release, body) {
      return (await repos.createRelease(fieldsOf(release, body))).data.html_url;
    },
    async publish(id, release, body) {
      const { data } = await repos.updateRelease({ ...fieldsOf(release, body), release_id: id, draft: false });
      return data.html_url;
    },
    async update(id, body) {
      await repos.updateRelease({ owner, repo, release_id: id, body });
    },
    waitAfter,
  };
}

/**
 * GitHub finds no draft by its tag, which it gets when it is published: a draft is in the list alone, for who may push.
 * @returns the newest among the newest `MAX_LISTED` releases; null where none names the tag
 * @see https://docs.github.com/en/rest/releases/releases#list-releases
 */
async function findDraft(octokit: Octokit, repository: Repository, tag: string): Promise<GitHubRelease | null> {
  const drafts: ApiRelease[] = [];
  let listed = 0;
  const pages = octokit.paginate.iterator(octokit.rest.repos.listReleases, { ...repository, per_page: 100 });
  for await (const { data } of pages) {
    drafts.push(...data.filter(({ draft, tag_name: name }) => draft && name === tag));
    listed += data.length;
    if (listed >= MAX_LISTED) break;
  }
  const [newest, ...others] = drafts.sort((a, b) => b.id - a.id);
  if (newest === undefined) return null;
  if (others.length > 0) {
    const said = `${drafts.length} drafts name the tag ${tag}: the newest is published, the others stay.`;
    core.warning(said, { title: "gitune: more than one draft" });
  }
  return toRelease(newest);
}

type ApiRelease = Awaited<ReturnType<Octokit["rest"]["repos"]["getReleaseByTag"]>>["data"];

function toRelease(data: ApiRelease): GitHubRelease {
  return {
    id: data.id,
    url: data.html_url,
    title: data.name ?? "",
    body: data.body ?? "",
    isDraft: data.draft,
    isPrerelease: data.prerelease,
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
  const limit = rateLimitOf(error);
  if (limit) return where + explainRateLimit(limit, said);
  if (status === 401) return `${where}GitHub does not know the token of the input github-token (${said}).`;
  if (status === 403)
    return `${where}The job's permissions should be:\n\npermissions:\n  attestations: write\n  contents: write\n  id-token: write\n\n(${said})`;
  return `${where}Run the failed job again: it goes on where it stopped (${said}).`;
}
