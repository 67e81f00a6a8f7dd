/**
 * GitHub's service for artifacts on loopback: an artifact is announced, its zip goes to a blob store, at once or in
 * blocks, then it is finished; it is listed and deleted by name, and never changed. GitHub's own client
 * (`@actions/artifact` 6.2.1) was run against it: it sends, is refused a name twice, and deletes.
 * @see https://github.com/actions/toolkit/tree/main/packages/artifact
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";

export interface ResultsServer {
  /** What an action gets from the runner. */
  readonly actionEnv: Readonly<Record<string, string>>;
  /** Where finished artifacts go from now on, a folder each. */
  folder: string;
  /** Told of each artifact when it is whole. */
  onArtifact: (name: string) => void;
  readonly close: () => Promise<void>;
}

const RPC = /^\/twirp\/github\.actions\.results\.api\.v1\.ArtifactService\/(\w+)$/;
const BACKEND = { workflow_run_backend_id: "run", workflow_job_run_backend_id: "job" };

export async function startResults(): Promise<ResultsServer> {
  const blobs = new Map<string, Map<string, Buffer>>();
  const state = { folder: "", onArtifact: (_name: string) => {} };
  const path = (name: string) => join(state.folder, name);
  const methods: Readonly<Record<string, (asked: Asked) => object>> = {
    CreateArtifact({ name }) {
      if (existsSync(path(name))) return { status: 409, msg: "an artifact with this name already exists" };
      blobs.set(name, new Map());
      return { ok: true, signed_upload_url: `${url}/blobs/${name}` };
    },
    FinalizeArtifact({ name, hash }) {
      const zip = blobs.get(name)?.get("whole") ?? Buffer.alloc(0);
      const found = `sha256:${createHash("sha256").update(zip).digest("hex")}`;
      if (hash !== found) return { status: 400, msg: `its hash is ${found}` };
      unzip(zip, path(name));
      state.onArtifact(name);
      return { ok: true, artifact_id: "1" };
    },
    ListArtifacts({ name_filter: filter }) {
      const names = existsSync(state.folder) ? readdirSync(state.folder) : [];
      const found = names.filter((name) => filter === undefined || name === filter);
      return { artifacts: found.map((name) => ({ ...BACKEND, database_id: "1", name, size: "1" })) };
    },
    DeleteArtifact({ name }) {
      rmSync(path(name), { recursive: true, force: true });
      return { ok: true, artifact_id: "1" };
    },
  };

  function answer(request: IncomingMessage, body: Buffer): { readonly status?: number } & object {
    const asked = new URL(request.url ?? "/", url);
    const method = methods[RPC.exec(asked.pathname)?.[1] ?? ""];
    if (method) return method(JSON.parse(body.toString("utf8")) as Asked);
    const blob = blobs.get(asked.pathname.slice("/blobs/".length));
    if (!blob) return { status: 404 };
    const block = asked.searchParams.get("blockid");
    if (asked.searchParams.get("comp") === "blocklist") {
      const order = [...body.toString("utf8").matchAll(/<Latest>([^<]+)<\/Latest>/g)].map(([, id = ""]) => id);
      blob.set("whole", Buffer.concat(order.map((id) => blob.get(id) ?? Buffer.alloc(0))));
    } else blob.set(block ?? "whole", body);
    return { status: 201 };
  }

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { status = 200, ...answered } = answer(request, Buffer.concat(chunks));
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(answered));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    actionEnv: { ACTIONS_RUNTIME_TOKEN: runtimeToken(), ACTIONS_RESULTS_URL: `${url}/` },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Fields that the four methods look at. */
interface Asked {
  readonly name: string;
  readonly hash?: string;
  readonly name_filter?: string;
}

/** A JWT as GitHub makes it: the client reads from it which run and job it is of. */
function runtimeToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ scp: "Actions.Results:run:job" })}.signature`;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_BYTES = 46;
const LOCAL_BYTES = 30;

/** Of a zip below 4 GB. @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT §4.3 */
function unzip(zip: Buffer, folder: string): void {
  let end = zip.length - 22;
  while (zip.readUInt32LE(end) !== END_OF_DIRECTORY) end -= 1;
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count -= 1) {
    const [method, packed] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [nameLength, extraLength, noteLength] = [28, 30, 32].map((from) => zip.readUInt16LE(at + from)) as [
      number,
      number,
      number,
    ];
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString("utf8", at + DIRECTORY_BYTES, at + DIRECTORY_BYTES + nameLength);
    const start = local + LOCAL_BYTES + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(start, start + packed);
    if (!name.endsWith("/")) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), method === 0 ? data : inflateRawSync(data));
    }
    at += DIRECTORY_BYTES + nameLength + extraLength + noteLength;
  }
}
