/** From a source to the bytes that it gives, or to "as before". */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { GituneError, isReallyInside, listGlob, type Project, type RefreshSource, sha256Hex } from "@gitune/core";
import type { Context } from "../verb.js";
import { type HttpCall, httpGet } from "./http-get.js";
import { hubAddress, hubRefusal, sourceEndpoint } from "./hub-source.js";
import { runCommand } from "./run-command.js";
import type { SecretGuard } from "./secret-guard.js";
import { sourceEnv } from "./source-env.js";
import { sourceError } from "./source-error.js";
import { configHash, type SourceState } from "./source-state.js";

export interface FetchOptions {
  readonly project: Pick<Project, "root" | "dir" | "config">;
  /** What is known of it; undefined where it is new. */
  readonly known: SourceState | undefined;
  readonly env: Context["env"];
  readonly guard: SecretGuard;
  readonly signal: AbortSignal;
}

export type Fetched =
  | { readonly kind: "unchanged" }
  | { readonly kind: "content"; readonly bytes: Buffer; readonly state: SourceState };

/** The names of variables that a source may see, for the guard of what it prints. */
export function secretNames(source: RefreshSource): readonly string[] {
  switch (source.type) {
    case "command":
      return source.env;
    case "http":
      return source.tokenEnv === null ? [] : [source.tokenEnv];
    case "hub":
      return ["HF_TOKEN"];
    case "logs":
      return [];
  }
}

/** @throws {GituneError} `refresh.source` or `refresh.address`, exit code 3 */
export async function fetchSource(source: RefreshSource, options: FetchOptions): Promise<Fetched> {
  const config = configHash(source, options.project.config);
  const known = options.known?.config === config ? options.known : undefined;
  const given = await read(source, known, options);
  if (given === null) return { kind: "unchanged" };
  const content = sha256Hex(given.bytes);
  if (known?.content === content) return { kind: "unchanged" };
  return { kind: "content", bytes: given.bytes, state: { config, content, etag: given.etag } };
}

interface Given {
  readonly bytes: Buffer;
  readonly etag: string | null;
}

/** @returns null where it is as before */
async function read(
  source: RefreshSource,
  known: SourceState | undefined,
  { project, env, guard, signal }: FetchOptions,
): Promise<Given | null> {
  const { maxBytes } = source;
  const timeoutMs = source.timeoutSeconds * 1000;
  switch (source.type) {
    case "command": {
      const cwd = join(project.root, project.dir);
      const call = { command: source.command, cwd, env: sourceEnv(env, source.env), timeoutMs, maxBytes };
      return { bytes: await runCommand({ ...call, guard, signal }), etag: null };
    }
    case "http": {
      const token = source.tokenEnv === null ? null : tokenOf(env, source.tokenEnv);
      return get(source.url, token, known, { timeoutMs, maxBytes, signal, explain: httpRefusal });
    }
    case "hub": {
      // A commit never changes.
      if (known && /^[0-9a-f]{40}$/.test(source.revision)) return null;
      const [endpoint, token] = [sourceEndpoint(env), env["HF_TOKEN"] || null];
      const explain: HttpCall["explain"] = (status, headers) =>
        hubRefusal(source, { endpoint, hasToken: token !== null, status, code: String(headers["x-error-code"] ?? "") });
      return get(hubAddress(source, endpoint), token, known, { timeoutMs, maxBytes, signal, explain });
    }
    case "logs":
      return { bytes: await readFiles(project.root, source.files, maxBytes, signal), etag: null };
  }
}

/** A server that wants to know who asks. */
function httpRefusal(status: number): ReturnType<HttpCall["explain"]> {
  if (status !== 401 && status !== 403) return null;
  return { message: `the server answers ${status}`, fix: "name the variable with its token in token_env" };
}

function tokenOf(env: Context["env"], name: string): string {
  const token = env[name];
  if (token) return token;
  throw sourceError(`the variable ${name} is not set`, { fix: `set ${name} to the source's token` });
}

async function get(
  url: string,
  token: string | null,
  known: SourceState | undefined,
  more: Pick<HttpCall, "timeoutMs" | "maxBytes" | "signal" | "explain">,
): Promise<Given | null> {
  const answer = await httpGet({ url, token, etag: known?.etag ?? null, ...more });
  return answer.kind === "unchanged" ? null : answer;
}

/** The files of a glob, one after the other by name. */
async function readFiles(root: string, glob: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for (const name of await listGlob(root, glob)) {
    const path = join(root, name);
    if (!(await isReallyInside(root, path))) {
      const message = `${name} leads out of the repository, or to nothing`;
      throw new GituneError({ code: "data.outside", severity: "error", file: name, message }, { exitCode: 3 });
    }
    for await (const chunk of createReadStream(path, { signal })) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > maxBytes)
        throw sourceError(`${glob} holds more than ${maxBytes} bytes`, { fix: "raise max_bytes" });
      chunks.push(chunk as Buffer);
    }
    // A log that is being written may end within a line.
    chunks.push(Buffer.from("\n"));
  }
  return Buffer.concat(chunks);
}
