/** What the Hub has of one commit of a model repository: its files by name, size and hash, and their bytes. */
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GituneError, hashFile, type Issue, isLoopback, writeError } from "@gitune/core";
import { readRefusal } from "../publish/hub-endpoint.js";
import { backoffMs, hubFetch, MAX_ATTEMPTS, problemOf, type Sleep, unreachable } from "../publish/hub-fetch.js";
import { blobId } from "../publish/hub-repository.js";
import { leavePartial, sizeOf, takePartial } from "./partial-file.js";

/** A file of the commit. */
export interface ListedFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** sha256 (hex) of a file that LFS keeps, else null. */
  readonly sha256: string | null;
  /** What the cache calls its content: its sha256, or else git's blob id. */
  readonly blob: string;
}

export interface ReaderOptions {
  readonly endpoint: string;
  /** Sent to the endpoint alone. */
  readonly token: string | null;
  readonly id: string;
  /** A commit. */
  readonly revision: string;
  /** Where the base is asked for. */
  readonly about: Pick<Issue, "project" | "file">;
  readonly sleep: Sleep;
  readonly attempts?: number;
  readonly signal: AbortSignal;
}

/** A listing of 100,000 files; models have a few dozen. */
const MAX_LISTING_BYTES = 32 * 1024 * 1024;
const MAX_REDIRECTS = 5;
/** A connection that gives no byte for that long is dead. */
const STALL_MS = 60_000;

/** Reads one commit. */
export class HubReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get page(): string {
    return `${this.#options.endpoint}/${this.#options.id}`;
  }

  /**
   * The files in the commit's top folder. What does not look like a file there is left out.
   * @throws {GituneError} exit code 2 `base.missing` for an id or a commit that is not there; 3 `hub.refused` for one that may
   *   not be read, `hub.unreachable`
   */
  async list(): Promise<ReadonlyMap<string, ListedFile>> {
    const { endpoint, id, revision } = this.#options;
    const url = new URL(`${endpoint}/api/models/${id}/revision/${revision}?blobs=true`);
    const text = await this.#again(url, async () => {
      const response = await this.#open(url, null, null);
      const chunks: Uint8Array[] = [];
      let sizeBytes = 0;
      for await (const chunk of response.body ?? []) {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_LISTING_BYTES) throw this.#refused(`the listing of ${id} has no end`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString("utf8");
    });
    const listing = parseListing(text);
    if (listing === null) throw this.#refused(`the Hub's listing of ${id} is no JSON`);
    const { sha, siblings } = listing;
    if (sha !== revision) {
      throw this.#missing(
        "/train/revision",
        `${revision} is no commit of ${id}`,
        `give one of ${this.page}/commits/main`,
      );
    }
    return new Map((Array.isArray(siblings) ? siblings : []).flatMap(readEntry).map((file) => [file.name, file]));
  }

  /**
   * Brings a file's content to `<blobs>/<blob>`, going on where a download was cut. It is there once its hash is right, and
   * not before.
   * @param onBytes told how many bytes came
   * @throws {GituneError} exit code 3 `base.damaged` for other bytes than the commit has, `disk.full`; as `list`
   */
  async download(file: ListedFile, blobs: string, onBytes: (count: number) => void): Promise<void> {
    const blob = join(blobs, file.blob);
    await mkdir(blobs, { recursive: true }).catch((error: unknown) => {
      throw writeError(blobs, error);
    });
    if ((await stat(blob).catch(() => null)) !== null) {
      if (await isRight(blob, file)) return;
      await rm(blob);
    }
    const partial = await takePartial(blob);
    try {
      let isResumed = (await sizeOf(partial)) > 0;
      for (;;) {
        await this.#fill(file, partial, onBytes);
        if (await isRight(partial, file)) break;
        await rm(partial, { force: true });
        // What was there may have been wrong; what came now may not.
        if (!isResumed) throw this.#wrong(file);
        isResumed = false;
      }
      await rename(partial, blob);
    } catch (error) {
      // Other bytes than the commit's are nothing to go on from.
      if (isDamaged(error)) await rm(partial, { force: true });
      else await leavePartial(partial, blob);
      throw error;
    }
  }

  /** Appends what is missing, until the file has its size. */
  async #fill(file: ListedFile, partial: string, onBytes: (count: number) => void): Promise<void> {
    const { endpoint, id, revision } = this.#options;
    const url = new URL(`${endpoint}/${id}/resolve/${revision}/${file.name}`);
    const handle = await open(partial, "a+").catch((error: unknown) => {
      throw writeError(partial, error);
    });
    try {
      if ((await handle.stat()).size > file.sizeBytes) await handle.truncate(0);
      let start = (await handle.stat()).size;
      if (start > 0) onBytes(start);
      const work = async () => {
        const stall = new Stall();
        try {
          if (start === file.sizeBytes) return;
          const response = await this.#open(url, start, file, stall.signal);
          if (start > 0 && response.status !== 206) {
            onBytes(-start);
            start = 0;
            await handle.truncate(0);
          }
          stall.touch();
          for await (const chunk of response.body ?? []) {
            stall.touch();
            if (start + chunk.length > file.sizeBytes) throw this.#wrong(file);
            await write(handle, partial, chunk);
            start += chunk.length;
            onBytes(chunk.length);
          }
          if (start < file.sizeBytes) throw new Error("the connection was cut");
        } finally {
          stall.stop();
        }
      };
      await this.#again(url, work, () => start);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Repeats what ends early. @param progress grows with what was gained; only tries that gain nothing are counted */
  async #again<T>(url: URL, work: () => Promise<T>, progress: () => number = () => 0): Promise<T> {
    const { signal, sleep, attempts = MAX_ATTEMPTS } = this.#options;
    let before = progress();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof GituneError) throw error;
        const problem = problemOf(error instanceof Error ? error : new Error(String(error)));
        if (attempt + 1 >= attempts) throw unreachable(`GET ${url.origin}${url.pathname}`, problem, attempt + 1);
        await sleep(backoffMs(attempt), signal);
        if (progress() > before) attempt = -1;
        before = progress();
      }
    }
  }

  /** @param start of the bytes to get; null for a question that is no file */
  async #open(first: URL, start: number | null, file: ListedFile | null, stall?: AbortSignal): Promise<Response> {
    const { endpoint, token, sleep, signal, attempts } = this.#options;
    const send = hubFetch({
      endpoint,
      credentials: token === null ? null : { token: async () => token, renew: async () => false },
      sleep,
      isStreamed: true,
      signal: stall ? AbortSignal.any([signal, stall]) : signal,
      ...(attempts === undefined ? {} : { attempts }),
    });
    // Bytes as they are: what is counted is what is written.
    const headers = { "accept-encoding": "identity", ...(start ? { range: `bytes=${start}-` } : {}) };
    let url = first;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await send(url, { headers, redirect: "manual" });
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        url = this.#next(url, location);
        continue;
      }
      if (response.ok && (response.status !== 206 || startsAt(response, start))) return response;
      await response.body?.cancel();
      throw this.#refusal(response, file);
    }
    throw this.#refused(`${first.pathname} redirects more than ${MAX_REDIRECTS} times`);
  }

  /** The Hub sends large files from elsewhere; never in the clear, but from a Hub on this machine. */
  #next(from: URL, location: string): URL {
    const url = URL.canParse(location, from.href) ? new URL(location, from) : null;
    const isOwn = isLoopback(new URL(this.#options.endpoint).hostname) && url !== null && isLoopback(url.hostname);
    if (url?.protocol === "https:" || (isOwn && url?.protocol === "http:")) return url as URL;
    throw this.#refused("the Hub redirects to an address that is not https");
  }

  #refusal({ status, headers }: Response, file: ListedFile | null): GituneError {
    const { id, revision, token } = this.#options;
    const asked = {
      kind: "model",
      id,
      revision,
      file: file?.name ?? null,
      page: this.page,
      key: "train.base",
    } as const;
    const call = { hasToken: token !== null, status, code: headers.get("x-error-code") ?? "" };
    const { message, fix, isConfig = false, isRevision = false } = readRefusal(asked, call) ?? {};
    if (message === undefined) return this.#refused(`the Hub answers ${status} for ${file?.name ?? id}`);
    const pointer = isRevision ? "/train/revision" : "/train/base";
    return isConfig ? this.#missing(pointer, message, fix) : this.#refused(message, fix);
  }

  #missing(pointer: string, message: string, fix?: string): GituneError {
    const { about, id } = this.#options;
    const issue = { code: "base.missing", severity: "error", ...about, pointer, message, found: id } as const;
    return new GituneError({ ...issue, ...(fix === undefined ? {} : { fix }) });
  }

  #refused(message: string, fix?: string): GituneError {
    const issue = {
      code: "hub.refused",
      severity: "error",
      ...this.#options.about,
      pointer: "/train/base",
      message,
    } as const;
    return new GituneError({ ...issue, ...(fix === undefined ? {} : { fix }) }, { exitCode: 3 });
  }

  #wrong({ name, sha256, blob }: ListedFile): GituneError {
    const { about, id } = this.#options;
    return new GituneError(
      {
        code: "base.damaged",
        severity: "error",
        ...about,
        pointer: "/train/base",
        message: `what the Hub sent as ${name} of ${id} is not what its commit has`,
        expected: sha256 === null ? `git's blob ${blob}` : `sha256 ${sha256}`,
        fix: "run again; if that does not help, see whether a proxy changes what it passes on",
      },
      { exitCode: 3 },
    );
  }
}

/** Ends a request that gives nothing any more. */
class Stall {
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  touch(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#abort.abort(new Error("no byte for a minute")), STALL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

async function write(handle: FileHandle, path: string, chunk: Uint8Array): Promise<void> {
  try {
    await handle.appendFile(chunk);
  } catch (error) {
    throw writeError(path, error);
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof GituneError && error.issues[0]?.code === "base.damaged";
}

async function isRight(path: string, { sizeBytes, sha256, blob }: ListedFile): Promise<boolean> {
  if ((await sizeOf(path)) !== sizeBytes) return false;
  return sha256 === null ? (await blobId(path)) === blob : (await hashFile(path)) === sha256;
}

/** A server may answer with another range than the one that was asked for. */
function startsAt({ headers }: Response, start: number | null): boolean {
  return new RegExp(`^bytes ${start ?? 0}-`).test(headers.get("content-range") ?? "");
}

function parseListing(text: string): { readonly sha?: unknown; readonly siblings?: unknown } | null {
  try {
    return JSON.parse(text) as { readonly sha?: unknown; readonly siblings?: unknown } | null;
  } catch {
    return null;
  }
}

/** The Hub's answer is not trusted: a path that leaves the folder is no name. */
function readEntry(entry: unknown): readonly ListedFile[] {
  const { rfilename: name, size, blobId: id, lfs } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const sha256 = (lfs as { readonly sha256?: unknown } | null | undefined)?.sha256 ?? null;
  if (typeof name !== "string" || !/^\w[\w.-]{0,199}$/.test(name)) return [];
  if (!Number.isSafeInteger(size) || (size as number) < 0) return [];
  if (sha256 === null) {
    return typeof id === "string" && /^[0-9a-f]{40}$/.test(id)
      ? [{ name, sizeBytes: size as number, sha256, blob: id }]
      : [];
  }
  return typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256)
    ? [{ name, sizeBytes: size as number, sha256, blob: sha256 }]
    : [];
}
