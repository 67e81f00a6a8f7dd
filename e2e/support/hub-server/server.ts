/**
 * A Hugging Face Hub on loopback that keeps state: repositories with commits, LFS objects, tokens. Around it what tests
 * are about: failures by the number of the request, and a log. Not covered: xet, pull requests.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Answer, HubRefusal, jsonAnswer } from "./answer.js";
import { type Fault, Faults } from "./faults.js";
import { Objects } from "./objects.js";
import { lfsFile, plainFile, Repository } from "./repository.js";
import { answerRequest, type HubState, LFS_NAMES } from "./routes.js";
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
  readonly state: Pick<HubState, "claims" | "pageSize" | "largeFilesAt">;
  /** A public model that somebody published, as the commit of this name. */
  readonly addModel: AddRepository;
  /** As a tag of this name, its files all large ones. */
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
  const state: HubState = { repositories, objects, tokens, claims: {}, pageSize: 1000, largeFilesAt: null };
  const faults = new Faults();
  const log: LoggedRequest[] = [];
  let count = 0;
  let origin = "";

  /** @returns null where the connection is to be cut; `isCut` where it is to be cut within the body */
  async function answer(
    request: IncomingMessage,
    number: number,
    body: Buffer,
  ): Promise<(Answer & { isCut?: boolean }) | null> {
    const method = request.method ?? "GET";
    const url = new URL(request.url ?? "/", origin);
    const fault = faults.take(number, method, url.pathname);
    await fault?.before?.();
    if (fault?.answer === "cut-before") return null;
    if (typeof fault?.answer === "number") {
      return jsonAnswer({ error: "injected" }, fault.headers, fault.answer);
    }
    try {
      const done = answerRequest({ method, url, headers: request.headers, body }, state);
      if (fault?.answer === "cut-within") return { ...done, isCut: true };
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
      const answered = await answer(request, number, Buffer.concat(chunks));
      log.push({ method: request.method ?? "GET", path: request.url ?? "/", status: answered?.status ?? 0 });
      if (!answered) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answered.status, { ...answered.headers, "content-length": String(answered.body.length) });
      if (answered.isCut) {
        // The first half has to be on its way before the end.
        response.write(answered.body.subarray(0, answered.body.length / 2), () =>
          setTimeout(() => request.socket.destroy(), 20),
        );
        return;
      }
      response.end(request.method === "HEAD" ? undefined : answered.body);
    })().catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const large = (bytes: Buffer) => lfsFile(createHash("sha256").update(bytes).digest("hex"), bytes);
  const addModel: AddRepository = (name, revision, files) => {
    const repository = new Repository(name, false);
    const kept = Object.entries(files).map(
      ([path, bytes]) => [path, LFS_NAMES.test(path) ? large(bytes) : plainFile(bytes)] as const,
    );
    repository.commit("main", "weights", new Map([...repository.at("main").files, ...kept]), revision);
    repositories.set(name, repository);
    return repository;
  };
  const addDataset: AddRepository = (name, revision, files) => {
    const repository = new Repository(`datasets/${name}`, false);
    const kept = Object.entries(files).map(([path, bytes]) => [path, large(bytes)] as const);
    const { oid } = repository.commit("main", "rows", new Map(kept));
    repository.tags.set(revision, oid);
    repositories.set(repository.name, repository);
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
    addModel,
    addDataset,
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
