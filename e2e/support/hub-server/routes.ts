/** The Hub's routes that publishing needs, each as @huggingface/hub 2.17 and huggingface_hub 1.x call it. */
import { type Answer, HubRefusal, jsonAnswer } from "./answer.js";
import type { Objects } from "./objects.js";
import { type Commit, lfsFile, lfsPointer, plainFile, type RepoFile, Repository } from "./repository.js";
import type { Token, Tokens } from "./tokens.js";

export interface HubState {
  readonly repositories: Map<string, Repository>;
  readonly objects: Objects;
  readonly tokens: Tokens;
  /** The claims that the runner's identity endpoint signs. */
  claims: Readonly<Record<string, string>>;
  /** Entries a page of a listing. */
  pageSize: number;
  /** Another server, which large files are read from: `<address>/<sha256>`. Null: the Hub sends them itself. */
  largeFilesAt: string | null;
}

export interface HubRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

interface Call extends HubRequest {
  /** The path's parts, decoded. */
  readonly parts: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
  readonly token: Token | null;
}

type Route = readonly [method: string, path: RegExp, answer: (call: Call, hub: HubState) => Answer];

/** What the Hub takes into a commit as it is; more goes through LFS. */
const MAX_REGULAR_BYTES = 10 * 1024 * 1024;
export const LFS_NAMES = /\.(bin|gguf|onnx|pt|safetensors|zip)$/i;

const ROUTES: readonly Route[] = [
  [
    "GET",
    /^\/api\/whoami-v2$/,
    ({ token }) => {
      if (!token) throw new HubRefusal(401, "Invalid username or password.");
      const orgs = token.orgs.map((name) => ({ type: "org", id: name, name }));
      const auth = { type: "access_token", accessToken: { displayName: "test", role: token.role } };
      return jsonAnswer({ type: "user", id: token.name, name: token.name, fullname: token.name, orgs, auth });
    },
  ],
  ["POST", /^\/oauth\/token$/, ({ json }, { tokens }) => jsonAnswer(tokens.exchange(json))],
  [
    "GET",
    /^\/_actions\/id-token$/,
    ({ url }, { tokens, claims }) =>
      jsonAnswer({ value: tokens.identity(claims, url.searchParams.get("audience") ?? "") }),
  ],
  [
    "POST",
    /^\/api\/repos\/create$/,
    ({ json, token }, { repositories }) => {
      const name = `${json["organization"]}/${json["name"]}`;
      mayWrite(token, name);
      // A token of an exchange is for one repository that is there.
      if (token?.resource !== null) throw new HubRefusal(403, "This token cannot create repositories");
      if (repositories.has(name)) throw new HubRefusal(409, "You already created this model repo");
      repositories.set(name, new Repository(name, json["visibility"] === "private"));
      return jsonAnswer({ url: `https://hub.invalid/${name}`, name, id: name });
    },
  ],
  [
    "DELETE",
    /^\/api\/repos\/delete$/,
    ({ json, token }, { repositories }) => {
      const name = `${json["organization"]}/${json["name"]}`;
      mayWrite(token, name);
      if (!repositories.delete(name)) throw new HubRefusal(404, "Repository not found", "RepoNotFound");
      return jsonAnswer({});
    },
  ],
  [
    "POST",
    /^\/api\/models\/([^/]+\/[^/]+)\/preupload\/([^/]+)$/,
    (call, hub) => {
      const repository = writable(call, hub);
      repository.at(call.parts[1] ?? "");
      const files = call.json["files"] as readonly { path: string; size: number; sample: string }[];
      const isLarge = ({ path, size, sample }: (typeof files)[number]) =>
        size > MAX_REGULAR_BYTES || LFS_NAMES.test(path) || Buffer.from(sample, "base64").includes(0);
      return jsonAnswer({
        files: files.map((file) => ({
          path: file.path,
          shouldIgnore: false,
          uploadMode: isLarge(file) ? "lfs" : "regular",
        })),
      });
    },
  ],
  [
    "POST",
    /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/,
    (call, hub) => {
      writable(call, hub);
      const wanted = call.json["objects"] as readonly { oid: string; size: number }[];
      const objects = wanted.map((object) => hub.objects.actionFor(object, call.url.origin));
      const transfer = hub.objects.partSizeBytes > 0 ? "multipart" : "basic";
      return jsonAnswer({ transfer, objects }, { "content-type": "application/vnd.git-lfs+json" });
    },
  ],
  [
    "PUT",
    /^\/_lfs\/([0-9a-f]{64})$/,
    ({ parts, body }, { objects }) => {
      objects.put(parts[0] ?? "", body);
      return jsonAnswer({});
    },
  ],
  [
    "PUT",
    /^\/_lfs\/([0-9a-f]{64})\/part\/(\d+)$/,
    ({ parts, body }, { objects }) => jsonAnswer({}, { etag: objects.putPart(parts[0] ?? "", parts[1] ?? "", body) }),
  ],
  [
    "POST",
    /^\/_lfs\/([0-9a-f]{64})\/complete$/,
    ({ parts, json }, { objects }) => {
      objects.complete(parts[0] ?? "", json["parts"] as readonly { partNumber: number; etag: string }[]);
      return jsonAnswer({});
    },
  ],
  [
    "POST",
    /^\/api\/models\/([^/]+\/[^/]+)\/commit\/([^/]+)$/,
    (call, hub) => {
      const repository = writable(call, hub);
      const branch = call.parts[1] ?? "";
      const commit = takeCommit(call, repository.at(branch), hub.objects);
      const { oid } = repository.commit(branch, commit.title, commit.files);
      return jsonAnswer({
        success: true,
        commitOid: oid,
        commitUrl: `${call.url.origin}/commit/${oid}`,
        hookOutput: "",
      });
    },
  ],
  [
    "POST",
    /^\/api\/models\/([^/]+\/[^/]+)\/branch\/([^/]+)$/,
    (call, hub) => {
      const repository = writable(call, hub);
      const name = call.parts[1] ?? "";
      if (repository.branches.has(name)) throw new HubRefusal(409, `Reference already exists: refs/heads/${name}`);
      repository.branches.set(name, repository.at(String(call.json["startingPoint"] ?? "main")).oid);
      return jsonAnswer({});
    },
  ],
  [
    "POST",
    /^\/api\/models\/([^/]+\/[^/]+)\/tag\/([^/]+)$/,
    (call, hub) => {
      const repository = writable(call, hub);
      const tag = String(call.json["tag"]);
      if (repository.tags.has(tag)) throw new HubRefusal(409, `Tag reference exists already: ${tag}`);
      repository.tags.set(tag, repository.at(call.parts[1] ?? "").oid);
      return jsonAnswer({});
    },
  ],
  [
    "DELETE",
    /^\/api\/models\/([^/]+\/[^/]+)\/tag\/([^/]+)$/,
    (call, hub) => {
      if (!writable(call, hub).tags.delete(call.parts[1] ?? "")) {
        throw new HubRefusal(404, "no such tag", "RevisionNotFound");
      }
      return jsonAnswer({});
    },
  ],
  [
    "GET",
    /^\/api\/models\/([^/]+\/[^/]+)\/refs$/,
    (call, hub) => {
      const repository = readable(call, hub);
      const list = (refs: ReadonlyMap<string, string>, folder: string) =>
        [...refs].map(([name, targetCommit]) => ({ name, ref: `refs/${folder}/${name}`, targetCommit }));
      return jsonAnswer({
        branches: list(repository.branches, "heads"),
        tags: list(repository.tags, "tags"),
        converts: [],
      });
    },
  ],
  [
    "GET",
    /^\/api\/models\/([^/]+\/[^/]+)\/tree\/([^/]+)$/,
    (call, hub) => jsonAnswer(...treePage(call, readable(call, hub).at(call.parts[1] ?? ""), hub.pageSize)),
  ],
  [
    "GET",
    /^\/api\/models\/([^/]+\/[^/]+)(?:\/revision\/([^/]+))?$/,
    (call, hub) => {
      const repository = readable(call, hub);
      const commit = repository.at(call.parts[1] ?? "main");
      return jsonAnswer({
        id: repository.name,
        modelId: repository.name,
        private: repository.isPrivate,
        sha: commit.oid,
        lastModified: commit.date,
        siblings: [...commit.files].map(([rfilename, file]) => siblingOf(rfilename, file, call.url)),
      });
    },
  ],
  [
    "GET",
    /^\/((?:datasets\/)?[^/]+\/[^/]+)\/(resolve|raw)\/([^/]+)\/(.+)$/,
    (call, hub) => {
      const [, kind, revision = "", path = ""] = call.parts;
      const commit = readable(call, hub).at(revision);
      const file = commit.files.get(path);
      if (!file) throw new HubRefusal(404, "Entry not found", "EntryNotFound");
      if (kind === "resolve" && file.lfs && hub.largeFilesAt !== null) {
        return { status: 302, headers: { location: `${hub.largeFilesAt}/${file.lfs.oid}` }, body: Buffer.alloc(0) };
      }
      return fileAnswer(call, file, kind === "raw", commit);
    },
  ],
];

/** @throws {HubRefusal} as the Hub refuses */
export function answerRequest(request: HubRequest, hub: HubState): Answer {
  for (const [method, path, answer] of ROUTES) {
    // HEAD is a GET whose body is left out, by whoever sends the answer.
    const asked = request.method === "HEAD" ? "GET" : request.method;
    const match = method === asked ? path.exec(request.url.pathname) : null;
    if (!match) continue;
    const parts = match.slice(1).map((part) => decodeURIComponent(part ?? ""));
    // An optional part that is missing is no revision.
    while (parts.at(-1) === "") parts.pop();
    // Storage behind an upload link takes no token: the link itself is the permission.
    const token = request.url.pathname.startsWith("/_") ? null : hub.tokens.find(header(request, "authorization"));
    return answer({ ...request, parts, json: parseJson(request), token }, hub);
  }
  throw new HubRefusal(404, `no route ${request.method} ${request.url.pathname}`);
}

function header({ headers }: HubRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

function parseJson(request: HubRequest): Readonly<Record<string, unknown>> {
  const type = header(request, "content-type") ?? "";
  if (!/json/.test(type) || /ndjson/.test(type) || request.body.length === 0) return {};
  return JSON.parse(request.body.toString("utf8")) as Record<string, unknown>;
}

function mayWrite(token: Token | null, name: string): void {
  if (!token) throw new HubRefusal(401, "Invalid username or password.");
  const [namespace = ""] = name.split("/");
  const isOwn = namespace === token.name || token.orgs.includes(namespace);
  if (token.role !== "write" || !isOwn || (token.resource !== null && token.resource !== name)) {
    throw new HubRefusal(403, `Forbidden: you don't have the rights to write to "${name}"`);
  }
}

/** A private repository that one may not see looks like one that is not there. */
function readable({ parts, token }: Call, { repositories }: HubState): Repository {
  const name = parts[0] ?? "";
  const repository = repositories.get(name);
  const [namespace = ""] = name.replace(/^datasets\//, "").split("/");
  const isMember = token !== null && (token.name === namespace || token.orgs.includes(namespace));
  if (repository?.isGated && !isMember) {
    throw new HubRefusal(token ? 403 : 401, `Access to ${name} is restricted`, "GatedRepo");
  }
  if (repository && (!repository.isPrivate || isMember)) return repository;
  throw new HubRefusal(token ? 404 : 401, "Repository not found", "RepoNotFound");
}

function writable(call: Call, hub: HubState): Repository {
  const repository = readable(call, hub);
  mayWrite(call.token, repository.name);
  return repository;
}

interface CommitLine {
  readonly key: string;
  readonly value: Readonly<Record<string, string>> & { readonly size?: number };
}

function takeCommit(call: Call, current: Commit, objects: Objects): { title: string; files: Map<string, RepoFile> } {
  if (!/x-ndjson/.test(header(call, "content-type") ?? "")) throw new HubRefusal(415, "expected application/x-ndjson");
  const text = call.body.toString("utf8").split("\n").filter(Boolean);
  const lines = text.map((line) => JSON.parse(line) as CommitLine);
  const head = lines.find(({ key }) => key === "header")?.value;
  if (!head?.["summary"]) throw new HubRefusal(400, '"summary" is required');
  if (head["parentCommit"] && head["parentCommit"] !== current.oid) {
    throw new HubRefusal(412, "A commit has happened since. Please refresh and try again.");
  }
  const files = new Map(current.files);
  for (const { key, value } of lines) {
    const { path = "" } = value;
    if (/(^|\/)\.\.?(\/|$)|^\//.test(path)) throw new HubRefusal(400, `Invalid path: ${path}`);
    if (key === "file") {
      const bytes = Buffer.from(value["content"] ?? "", value["encoding"] === "base64" ? "base64" : "utf8");
      if (bytes.length > MAX_REGULAR_BYTES) throw new HubRefusal(400, `${path} is larger than 10 MiB`);
      files.set(path, plainFile(bytes));
    } else if (key === "lfsFile") {
      const oid = value["oid"] ?? "";
      const bytes = objects.get(oid);
      if (!bytes || bytes.length !== value.size)
        throw new HubRefusal(400, `LFS pointer to a file that is not there: ${path}`);
      files.set(path, lfsFile(oid, bytes));
    } else if (key === "deletedFile" && !files.delete(path)) {
      throw new HubRefusal(404, `A file with the name ${path} does not exist`, "EntryNotFound");
    }
  }
  return { title: head["summary"], files };
}

function treePage({ url }: Call, { files }: Commit, pageSize: number): [readonly object[], Record<string, string>] {
  const start = Number(url.searchParams.get("cursor") ?? 0);
  const entries = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { size, oid, lfs }]) => {
      return { type: "file", path, size, oid, ...(lfs ? { lfs } : {}) };
    });
  const page = entries.slice(start, start + pageSize);
  if (start + pageSize >= entries.length) return [page, {}];
  const next = new URL(url);
  next.searchParams.set("cursor", String(start + pageSize));
  return [page, { link: `<${next}>; rel="next"` }];
}

/** With `blobs`, sizes and hashes, too. */
function siblingOf(rfilename: string, { size, oid, lfs }: RepoFile, url: URL): object {
  if (!url.searchParams.has("blobs")) return { rfilename };
  const large = lfs && { lfs: { sha256: lfs.oid, size: lfs.size, pointerSize: lfs.pointerSize } };
  return { rfilename, size, blobId: oid, ...large };
}

function fileAnswer(call: Call, file: RepoFile, isRaw: boolean, commit: Commit): Answer {
  const bytes = isRaw && file.lfs ? lfsPointer(file.lfs.oid, file.lfs.size) : file.bytes;
  const headers: Record<string, string> = {
    etag: `"${file.oid}"`,
    "x-repo-commit": commit.oid,
    "accept-ranges": "bytes",
    "content-type": file.lfs ? "application/octet-stream" : "text/plain; charset=utf-8",
    ...(file.lfs ? { "x-linked-etag": `"${file.lfs.oid}"`, "x-linked-size": String(file.lfs.size) } : {}),
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(header(call, "range") ?? "");
  if (!range) return { status: 200, headers, body: bytes };
  const start = Number(range[1]);
  const end = Math.min(range[2] ? Number(range[2]) : Number.POSITIVE_INFINITY, Math.max(bytes.length - 1, 0));
  headers["content-range"] = `bytes ${start}-${end}/${bytes.length}`;
  return { status: 206, headers, body: bytes.subarray(start, end + 1) };
}
