/**
 * A Hugging Face Hub on loopback that keeps state: repositories with commits, LFS objects, tokens. Around it what tests
 * are about: failures by the number of the request, and a log. Not covered: xet, pull requests, the CDN's redirects.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Answer, HubRefusal, jsonAnswer } from "./answer.js";
import { type Fault, Faults } from "./faults.js";
import { Objects } from "./objects.js";
import { lfsFile, Repository } from "./repository.js";
import { answerRequest, type HubState } from "./routes.js";
import { Tokens } from "./tokens.js";

export interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** 0: the connection was cut. */
  readonly status: number;
}

type AddRepository = (name: string, revision: string, files: Readonly<Record<string, Buffer>>) => Repository;

export interface HubServer {
  readonly url: string;
  /** Since the last `calm`, in the order that they came in. */
  readonly log: readonly LoggedRequest[];
  readonly tokens: Tokens;
  readonly objects: Objects;
  readonly repositories: ReadonlyMap<string, Repository>;
  readonly state: Pick<HubState, "claims" | "pageSize">;
  /** A public model that somebody published at a commit of this name, its files all large ones. */
  readonly addModel: AddRepository;
  readonly addDataset: AddRepository;
  readonly fail: (fault: Fault) => void;
  /** Faults that were injected since the start. */
  readonly injected: () => number;
  /** Takes back the faults, empties the log and counts requests from 1 again. */
  readonly calm: () => void;
  /** Also forgets every repository and every object. */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
}

/** Starts one without repositories and tokens. */
export async function startHub(): Promise<HubServer> {
  const tokens = new Tokens();
  const objects = new Objects();
  const repositories = new Map<string, Repository>();
  const state: HubState = { repositories, objects, tokens, claims: {}, pageSize: 1000 };
  const faults = new Faults();
  const log: LoggedRequest[] = [];
  let count = 0;
  let origin = "";

  /** @returns null where the connection is to be cut */
  function answer(request: IncomingMessage, number: number, body: Buffer): Answer | null {
    const method = request.method ?? "GET";
    const url = new URL(request.url ?? "/", origin);
    const fault = faults.take(number, method, url.pathname);
    fault?.before?.();
    if (fault?.answer === "cut-before") return null;
    if (typeof fault?.answer === "number") {
      return jsonAnswer({ error: "injected" }, fault.headers, fault.answer);
    }
    try {
      const done = answerRequest({ method, url, headers: request.headers, body }, state);
      return fault?.answer === "cut-after" ? null : done;
    } catch (error) {
      if (error instanceof HubRefusal) return error.toAnswer();
      return jsonAnswer({ error: `the stand-in failed: ${String(error)}` }, {}, 500);
    }
  }

  const server = createServer((request, response) => {
    const number = ++count;
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answered = answer(request, number, Buffer.concat(chunks));
      log.push({ method: request.method ?? "GET", path: request.url ?? "/", status: answered?.status ?? 0 });
      if (!answered) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answered.status, { ...answered.headers, "content-length": String(answered.body.length) });
      response.end(request.method === "HEAD" ? undefined : answered.body);
    })().catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const add: AddRepository = (name, revision, files) => {
    const repository = new Repository(name, false);
    const large = Object.entries(files).map(([path, bytes]) => {
      const oid = createHash("sha256").update(bytes).digest("hex");
      return [path, lfsFile(oid, bytes)] as const;
    });
    const { oid } = repository.commit("main", "weights", new Map(large));
    repository.tags.set(revision, oid);
    repositories.set(name, repository);
    return repository;
  };
  const calm = () => {
    faults.clear();
    log.length = 0;
    count = 0;
  };
  return {
    url: origin,
    log,
    tokens,
    objects,
    repositories,
    state,
    addModel: add,
    addDataset: (name, ...rest) => add(`datasets/${name}`, ...rest),
    fail: (fault) => faults.add(fault),
    injected: () => faults.injected,
    calm,
    reset() {
      calm();
      repositories.clear();
      objects.clear();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
