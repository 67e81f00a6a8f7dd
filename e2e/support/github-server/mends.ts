/**
 * Where emulate 0.12.2 differs from GitHub, one entry each: a limit it does not keep, or an answer it gets wrong. A mend
 * answers the request itself, or leaves it to emulate.
 */
import { type Answer, jsonAnswer, type Upstream } from "./upstream.js";

export interface Request {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The address that the client used, for Link headers. */
  readonly url: URL;
  /** Undefined where the body is not JSON. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** What a pull request's head is where a test says so: commits that are on disk, and forks. */
export interface Head {
  readonly sha: string;
  readonly ref: string;
  /** `owner/name` */
  readonly repository: string;
  /** What it changes, from its merge-base with the base branch. */
  readonly files?: readonly string[];
}

/** Number of a pull request -> its head. */
export type Heads = ReadonlyMap<number, Head>;

interface Mend {
  readonly method: string;
  readonly path: RegExp;
  /** @returns undefined to let emulate answer */
  readonly answer: (
    request: Request,
    match: RegExpExecArray,
    upstream: Upstream,
    heads: Heads,
  ) => Promise<Answer | undefined>;
}

/** GitHub's limit, in characters. */
const MAX_BODY_CHARS = 65_536;
/** @see https://docs.github.com/en/rest/commits/commits#compare-two-commits */
const MAX_COMPARED_FILES = 300;

interface PullRequest {
  number: number;
  state: string;
  head: { ref: string; sha: string; repo?: { full_name: string } };
  base: { sha: string; repo: { full_name: string } };
  [field: string]: unknown;
}

const MENDS: readonly Mend[] = [
  {
    // emulate keeps bodies of any length.
    method: "POST|PATCH",
    path: /\/(comments|issues|pulls)(\/|$)/,
    async answer({ json }) {
      if (typeof json?.["body"] !== "string" || json["body"].length <= MAX_BODY_CHARS) return undefined;
      const message = `body is too long (maximum is ${MAX_BODY_CHARS} characters)`;
      const errors = [{ resource: "IssueComment", code: "unprocessable", field: "body", message }];
      return jsonAnswer(422, { message: "Validation Failed", errors });
    },
  },
  {
    // emulate always answers an empty list.
    method: "GET",
    path: /^(\/repos\/[^/]+\/[^/]+\/pulls\/\d+)\/files$/,
    async answer(request, match, upstream) {
      const { status, json } = await upstream.get(match[1] ?? "");
      if (status !== 200) return jsonAnswer(status, json);
      return paged(await withTrueHead(json as PullRequest, upstream), request);
    },
  },
  {
    // emulate knows its own commits only.
    method: "GET",
    path: /\/compare\/[0-9a-f]{40}\.\.\.([0-9a-f]{40})$/,
    async answer(_request, match, _upstream, heads) {
      const head = [...heads.values()].find(({ sha }) => sha === match[1]);
      if (!head) return undefined;
      const files = (head.files ?? [])
        .slice(0, MAX_COMPARED_FILES)
        .map((filename) => ({ filename, status: "modified" }));
      return jsonAnswer(200, { status: "ahead", total_commits: 1, commits: [], files });
    },
  },
  {
    // A pull request's head does not follow its branch, and its counts are stubs.
    method: "GET",
    path: /^\/repos\/[^/]+\/[^/]+\/pulls(\/\d+)?$/,
    async answer(request, _match, upstream, heads) {
      // Which ones have a head is only known when the heads are true.
      const asked = new URLSearchParams(request.query);
      asked.delete("head");
      const answer = await upstream.send("GET", `${request.path}?${asked}`);
      if (answer.status !== 200) return answer;
      const found = JSON.parse(answer.body.toString("utf8")) as PullRequest | PullRequest[];
      for (const pull of Array.isArray(found) ? found : [found]) {
        await withTrueHead(pull, upstream);
        const { sha, ref, repository } = heads.get(pull.number) ?? {};
        if (sha && ref && repository) pull.head = { ...pull.head, sha, ref, repo: { full_name: repository } };
      }
      const head = request.query.get("head");
      if (!Array.isArray(found) || head === null) return jsonAnswer(200, found, answer.headers);
      return jsonAnswer(
        200,
        found.filter((pull) => headName(pull) === head),
        answer.headers,
      );
    },
  },
];

/** @returns undefined where emulate is right */
export async function mend(request: Request, upstream: Upstream, heads: Heads): Promise<Answer | undefined> {
  for (const { method, path, answer } of MENDS) {
    const match = method.split("|").includes(request.method) ? path.exec(request.path) : null;
    const mended = match ? await answer(request, match, upstream, heads) : undefined;
    if (mended) return mended;
  }
  return undefined;
}

interface ChangedFile {
  readonly additions: number;
  readonly deletions: number;
}

/** Mends a pull request in place. @returns its files */
async function withTrueHead(pull: PullRequest, upstream: Upstream): Promise<readonly ChangedFile[]> {
  const repo = `/repos/${pull.base.repo.full_name}`;
  const ref = await upstream.get(`${repo}/git/ref/heads/${pull.head.ref}`);
  if (pull.state === "open" && ref.status === 200) {
    pull.head.sha = (ref.json as { object: { sha: string } }).object.sha;
  }
  const compare = await upstream.get(`${repo}/compare/${pull.base.sha}...${pull.head.sha}`);
  const { files = [], total_commits: commits = 0 } = (compare.json ?? {}) as {
    files?: readonly ChangedFile[];
    total_commits?: number;
  };
  const sum = (count: (file: ChangedFile) => number) => files.reduce((total, file) => total + count(file), 0);
  Object.assign(pull, {
    changed_files: files.length,
    additions: sum((file) => file.additions),
    deletions: sum((file) => file.deletions),
    commits,
  });
  return files;
}

/** `owner:branch` */
function headName({ head, base }: PullRequest): string {
  return `${(head.repo ?? base.repo).full_name.split("/")[0]}:${head.ref}`;
}

/** One page of a list, with a link to the next. */
export function paged(items: readonly unknown[], request: Request): Answer {
  const size = Math.min(Number(request.query.get("per_page") ?? 30), 100);
  const page = Number(request.query.get("page") ?? 1);
  const headers: Record<string, string> = {};
  if (page * size < items.length) {
    const next = new URL(request.url);
    next.searchParams.set("page", String(page + 1));
    headers["link"] = `<${next}>; rel="next"`;
  }
  return jsonAnswer(200, items.slice((page - 1) * size, page * size), headers);
}
