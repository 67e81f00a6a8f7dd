/**
 * A GitHub on loopback: emulate keeps the state, and this proxy before it adds what tests are about: who may do what,
 * failures on demand, a log of requests, and `mends.ts`.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createEmulator } from "emulate";
import { type Attestation, Attestations } from "./attestations.js";
import { type CheckRun, CheckRuns } from "./check-runs.js";
import { type Fault, Faults } from "./faults.js";
import { GitBackend } from "./git-backend.js";
import { type Head, mend, type Request } from "./mends.js";
import { Releases } from "./releases.js";
import { type Permissions, refusal, type Token } from "./tokens.js";
import { type Answer, jsonAnswer, Upstream } from "./upstream.js";

export interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** 0: the connection was cut. */
  readonly status: number;
  /** What was sent, where it is JSON. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** A SARIF file that code scanning took. */
export interface SarifUpload {
  readonly commit: string;
  readonly ref: string;
  readonly document: { readonly runs: readonly { readonly results: readonly unknown[] }[] };
}

/** A job of a workflow run, as the API shows it. */
export interface RunJob {
  readonly name: string;
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  /** Null before a machine takes it. */
  readonly runner_name: string | null;
  readonly steps?: readonly { readonly name: string; readonly status: string; readonly conclusion: string | null }[];
}

export interface GitHubServer {
  readonly url: string;
  readonly checkRuns: readonly CheckRun[];
  readonly attestations: readonly Attestation[];
  readonly sarifUploads: readonly SarifUpload[];
  /** What a pull request's head is from now on. */
  readonly setHead: (number: number, head: Head) => void;
  /** Where a run's artifacts are, a folder each: what the API lists of it. */
  readonly setArtifacts: (runId: string, folder: string) => void;
  /** What the API says of a run's job from now on. */
  readonly setJob: (runId: string, job: RunJob) => void;
  readonly log: readonly LoggedRequest[];
  /** A token for one of the users, as good as GitHub's own until the server closes. */
  readonly issueToken: (login: string, permissions?: Permissions | "all") => string;
  /** A real git repository behind `/owner/name.git`. @returns its folder, bare */
  readonly gitFolder: (repository: string) => string;
  /** When each run that ended well began: what the API says of any workflow's runs. */
  readonly setSuccesses: (began: readonly Date[]) => void;
  readonly fail: (fault: Fault) => void;
  /** How many faults have been injected. */
  readonly injected: () => number;
  /** Takes back the faults alone. */
  readonly calmFaults: () => void;
  /** Takes back the faults, empties the log, and forgets check runs, attestations and SARIF files. */
  readonly calm: () => void;
  readonly close: () => Promise<void>;
}

export const ACTIONS_BOT = "github-actions[bot]";

/** @param seed users besides the Actions bot, and repositories as `owner/name`, each with a first commit */
export async function startGitHub(seed: {
  readonly users: readonly string[];
  readonly repositories: readonly string[];
}): Promise<GitHubServer> {
  const logins = [ACTIONS_BOT, ...seed.users];
  const emulator = await createEmulator({
    service: "github",
    port: await freePort(),
    seed: {
      tokens: Object.fromEntries(logins.map((login) => [`inner-${login}`, { login, scopes: ["repo"] }])),
      github: {
        users: logins.map((login) => ({ login })),
        repos: seed.repositories.map((full) => {
          const [owner = "", name = ""] = full.split("/");
          return { owner, name, auto_init: true };
        }),
      },
    },
  });

  const tokens = new Map<string, Token>();
  const faults = new Faults();
  const gits = new GitBackend();
  let successes: readonly Date[] = [];
  const log: LoggedRequest[] = [];
  const checkRuns = new CheckRuns();
  const attestations = new Attestations();
  const releases = new Releases();
  const sarifUploads: SarifUpload[] = [];
  const heads = new Map<number, Head>();
  const jobs = new Map<string, Map<string, RunJob>>();
  const artifacts = new Map<string, string>();
  let ownUrl = "";

  /** @returns undefined where the connection is to be cut */
  async function answer(request: IncomingMessage, body: Buffer): Promise<Answer | undefined> {
    const method = request.method ?? "GET";
    const url = new URL(request.url ?? "/", ownUrl);
    const fault = faults.take(method, url.pathname);
    await fault?.before?.();
    if (fault?.answer === "cut-before") return undefined;
    const secret = /^(?:Bearer|token) (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    if (typeof fault?.answer === "number") {
      const { message = "injected" } = fault;
      const said = typeof message === "string" ? message : message(secret);
      return jsonAnswer(fault.answer, { message: said }, { ...fault.headers });
    }
    if (gits.isMeant(url.pathname)) {
      const query = url.search.slice(1);
      const asked = { method, path: url.pathname, query, headers: request.headers, body };
      return gits.answer(asked, (secret) => tokens.get(secret));
    }
    const token = tokens.get(secret);
    const refused = refusal(token, method, url.pathname);
    if (!token || refused) return jsonAnswer(refused?.status ?? 401, { message: refused?.message });

    if (method === "GET" && /\/actions\/workflows\/[^/]+\/runs$/.test(url.pathname)) {
      const runs = successes.map((date) => ({ created_at: date.toISOString(), run_started_at: date.toISOString() }));
      return jsonAnswer(200, { total_count: runs.length, workflow_runs: runs });
    }

    const upstream = new Upstream(emulator.url, () => ownUrl, `Bearer inner-${token.login}`);
    const contentType = request.headers["content-type"] ?? "application/json";
    const json = contentType.includes("json") && body.length > 0 ? parseObject(body) : undefined;
    const asked: Request = { method, path: url.pathname, query: url.searchParams, url, json };
    const own =
      checkRuns.answer(asked) ??
      attestations.answer(asked) ??
      answerJobs(url.pathname) ??
      answerRole(url.pathname) ??
      takeSarif(asked) ??
      answerArtifacts(url.pathname) ??
      (await releases.answer(asked, token, upstream)) ??
      (await mend(asked, upstream, heads));
    const done = own ?? (await upstream.send(method, url.pathname + url.search, body, contentType));
    return fault?.answer === "cut-after" ? undefined : done;
  }

  function answerJobs(path: string): Answer | undefined {
    const run = /\/actions\/runs\/(\d+)\/(?:attempts\/\d+\/)?jobs$/.exec(path)?.[1];
    if (run === undefined) return undefined;
    const all = [...(jobs.get(run)?.values() ?? [])];
    return jsonAnswer(200, { total_count: all.length, jobs: all });
  }

  /** An owner may do everything, others may read. */
  function answerRole(path: string): Answer | undefined {
    const [, owner, login] = /^\/repos\/([^/]+)\/[^/]+\/collaborators\/([^/]+)\/permission$/.exec(path) ?? [];
    if (login === undefined) return undefined;
    return jsonAnswer(200, { permission: login === owner ? "admin" : "read", user: { login } });
  }

  /** @see https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data */
  function takeSarif({ method, path, json }: Request): Answer | undefined {
    if (method !== "POST" || !path.endsWith("/code-scanning/sarifs")) return undefined;
    const bytes = gunzipSync(Buffer.from(String(json?.["sarif"]), "base64"));
    const document = JSON.parse(bytes.toString("utf8")) as SarifUpload["document"];
    sarifUploads.push({ commit: String(json?.["commit_sha"]), ref: String(json?.["ref"]), document });
    return jsonAnswer(202, { id: String(sarifUploads.length) });
  }

  function answerArtifacts(path: string): Answer | undefined {
    const run = /\/actions\/runs\/(\d+)\/artifacts$/.exec(path)?.[1];
    if (run === undefined) return undefined;
    const folder = artifacts.get(run) ?? "";
    const listed = (existsSync(folder) ? readdirSync(folder) : []).map((name, id) => ({
      id,
      name,
      created_at: statSync(join(folder, name)).mtime.toISOString(),
    }));
    return jsonAnswer(200, { total_count: listed.length, artifacts: listed });
  }

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const entry = { method: request.method ?? "GET", path: request.url ?? "/", json: parseObject(body) };
      const answered = await answer(request, body).catch((error: unknown) =>
        jsonAnswer(500, { message: `the stand-in failed: ${String(error)}` }),
      );
      log.push({ ...entry, status: answered?.status ?? 0 });
      if (!answered) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answered.status, answered.headers);
      response.end(answered.body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ownUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url: ownUrl,
    log,
    checkRuns: checkRuns.all,
    attestations: attestations.all,
    sarifUploads,
    setHead: (number, head) => heads.set(number, head),
    setArtifacts: (runId, folder) => artifacts.set(runId, folder),
    setJob(runId, job) {
      const run = jobs.get(runId) ?? new Map<string, RunJob>();
      jobs.set(runId, run.set(job.name, job));
    },
    issueToken(login, permissions = "all") {
      // The prefix says which kind of account it is, and clients look at it.
      const token = `${login.endsWith("[bot]") ? "ghs" : "ghp"}_${randomUUID().replaceAll("-", "")}`;
      tokens.set(token, { login, permissions });
      return token;
    },
    gitFolder: (repository) => gits.folder(repository),
    setSuccesses(began) {
      successes = began;
    },
    fail: (fault) => faults.add(fault),
    injected: () => faults.injected,
    calmFaults: () => faults.clear(),
    calm() {
      faults.clear();
      checkRuns.clear();
      attestations.clear();
      sarifUploads.length = 0;
      log.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await emulator.close();
      gits.remove();
    },
  };
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** emulate wants a number. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
