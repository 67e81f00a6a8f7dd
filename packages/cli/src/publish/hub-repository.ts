/** A model repository on the Hub: what is there, and how it changes. Large files and downloads are the library's work. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GituneError, hashFile } from "@gitune/core";
import { type Credentials, findCredentials } from "./credentials.js";
import { backoffMs, hubFetch, MAX_ATTEMPTS, type Sleep, UncertainFailure, withoutTokens } from "./hub-fetch.js";

/** What a repository has at the moment. */
export interface HubRefs {
  /** The commit of `main`. */
  readonly head: string;
  /** Tag -> commit. */
  readonly tags: ReadonlyMap<string, string>;
}

/** A file of a commit. */
export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** sha256 (hex) of a file that is kept by LFS, else null. */
  readonly sha256: string | null;
  /** git's blob id. */
  readonly blob: string;
}

export interface HubRepositoryOptions {
  /** `owner/name` */
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sleep: Sleep;
  readonly signal?: AbortSignal;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const BRANCH = "main";

/** One model repository, by its name; nothing is asked before a method is called. */
export class HubRepository {
  readonly name: string;
  readonly endpoint: string;
  /** Null only reads, and only what is public. */
  readonly credentials: Credentials | null;
  readonly sleep: Sleep;
  readonly signal: AbortSignal | undefined;
  readonly #fetch: typeof fetch;

  constructor({ name, env, sleep, signal }: HubRepositoryOptions) {
    this.name = name;
    // As huggingface_hub reads it.
    this.endpoint = (env["HF_ENDPOINT"] || DEFAULT_ENDPOINT).replace(/\/+$/, "");
    this.sleep = sleep;
    this.signal = signal;
    const common = { endpoint: this.endpoint, sleep, ...(signal ? { signal } : {}) };
    const send = hubFetch({ ...common, credentials: null });
    this.credentials = findCredentials(env, { endpoint: this.endpoint, resource: name, send });
    this.#fetch = hubFetch({ ...common, credentials: this.credentials });
  }

  get url(): string {
    return `${this.endpoint}/${this.name}`;
  }

  /** @returns null where there is no such repository, or none that we may see */
  async readRefs(): Promise<HubRefs | null> {
    const response = await this.#fetch(this.#api("refs"));
    // The Hub hides private repositories from strangers behind 401; a token that is not valid is told by its text.
    if (response.status === 404 || (response.status === 401 && this.credentials === null)) return null;
    const refs = (await this.#json(response, "read its branches and tags")) as RefsAnswer;
    const head = refs.branches.find(({ name }) => name === BRANCH)?.targetCommit;
    if (head === undefined) throw refusal(`${this.name} has no branch ${BRANCH}`);
    return { head, tags: new Map(refs.tags.map(({ name, targetCommit }) => [name, targetCommit])) };
  }

  /** @param repository another one than this, such as the base's; read with the same token */
  async listFiles(commit: string, repository = this.name): Promise<readonly HubFile[]> {
    const { listFiles } = await import("@huggingface/hub");
    const files: HubFile[] = [];
    const options = { repo: repository, revision: commit, recursive: true, hubUrl: this.endpoint, fetch: this.#fetch };
    await this.#told("list its files", async () => {
      for await (const { type, path, size, oid, lfs } of listFiles(options)) {
        if (type === "file") files.push({ path, sizeBytes: size, sha256: lfs?.oid ?? null, blob: oid ?? "" });
      }
    });
    return files;
  }

  /** Does nothing where it is there already. */
  async create(isPrivate: boolean): Promise<void> {
    const [organization, name] = this.name.split("/");
    const response = await this.#fetch(`${this.endpoint}/api/repos/create`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type: "model", organization, name, visibility: isPrivate ? "private" : "public" }),
    });
    if (response.status !== 409) await this.#json(response, "create it");
  }

  /**
   * One commit on `main`.
   * @param folder where the files to add are, by their paths
   * @returns the new commit
   * @throws {UncertainFailure} where `main` is not at `parent` any more, or the answer was lost
   */
  async commit(change: {
    readonly title: string;
    readonly parent: string;
    readonly folder: string;
    readonly add: readonly string[];
    readonly remove: readonly string[];
  }): Promise<string> {
    const { commit } = await import("@huggingface/hub");
    const files = await Promise.all(
      change.add.map(async (path) => ({
        operation: "addOrUpdate" as const,
        path,
        content: await openAsBlob(join(change.folder, path)),
      })),
    );
    const done = await this.#told("commit to it", () =>
      commit({
        repo: this.name,
        hubUrl: this.endpoint,
        fetch: this.#fetch,
        branch: BRANCH,
        title: change.title,
        parentCommit: change.parent,
        operations: [...files, ...change.remove.map((path) => ({ operation: "delete" as const, path }))],
        // LFS works on every Hub; the other protocol needs a second service.
        useXet: false,
      }),
    );
    if (!done) throw refusal(`the Hub did not say which commit it made in ${this.name}`);
    return done.commit.oid;
  }

  /** @throws {UncertainFailure} where the tag is there already, or the answer was lost */
  async createTag(tag: string, commit: string): Promise<void> {
    const response = await this.#fetch(this.#api(`tag/${encodeURIComponent(commit)}`), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tag }),
    });
    if (response.status === 409) throw new UncertainFailure(`the tag ${tag} appeared meanwhile`);
    await this.#json(response, `tag ${commit.slice(0, 8)}`);
  }

  /**
   * Downloads a file to the same path below a folder. A download that is cut is begun again.
   * @returns its sha256 (hex); null where the commit has no such file
   */
  async download(path: string, commit: string, folder: string): Promise<string | null> {
    const { downloadFile } = await import("@huggingface/hub");
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    const from = { repo: this.name, path, revision: commit, hubUrl: this.endpoint, fetch: this.#fetch };
    for (let attempt = 0; ; attempt += 1) {
      try {
        const blob = await this.#told(`download ${path}`, () => downloadFile({ ...from, xet: false }));
        if (blob === null) return null;
        await pipeline(await this.#contentOf(path, blob), createWriteStream(target));
        return await hashFile(target);
      } catch (error) {
        if (error instanceof GituneError || attempt + 1 >= MAX_ATTEMPTS) throw error;
        this.signal?.throwIfAborted();
      }
      await this.sleep(backoffMs(attempt), this.signal);
    }
  }

  /** `Blob.stream` of the library loses errors, so a slice is read at a time. */
  async #contentOf(path: string, blob: Blob): Promise<Readable> {
    const told = <T>(work: () => Promise<T>) => this.#told(`download ${path}`, work);
    return Readable.from(
      (async function* () {
        for (let at = 0; at < blob.size; at += DOWNLOAD_BYTES) {
          const slice = blob.slice(at, Math.min(at + DOWNLOAD_BYTES, blob.size));
          yield Buffer.from(await told(() => slice.arrayBuffer()));
        }
      })(),
    );
  }

  #api(rest: string): string {
    return `${this.endpoint}/api/models/${this.name}/${rest}`;
  }

  async #json(response: Response, what: string): Promise<unknown> {
    if (response.ok) return response.json();
    throw this.#refused(response.status, what, await response.text().catch(() => ""));
  }

  /** The library's errors as ours. */
  async #told<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { statusCode, message } = error as { readonly statusCode?: unknown; readonly message?: string };
      if (typeof statusCode !== "number") throw error;
      if (statusCode === 412) throw new UncertainFailure(`${this.name} changed meanwhile`);
      throw this.#refused(statusCode, what, (message ?? "").replace(/\bURL: \S+/g, ""));
    }
  }

  #refused(status: number, what: string, said: string): GituneError {
    const who = this.credentials === null ? "without a token" : "with this token";
    const fix =
      status === 401
        ? "the token is not valid (any more): make a new one, or check the trusted publisher"
        : status === 403
          ? `give the token the right to write to ${this.name}`
          : status === 404
            ? `check publish.hub: ${this.name} is not there, or this token may not see it`
            : "see what the Hub says";
    return refusal(`the Hub did not let us ${what} (${this.name}, ${who}): status ${status}`, withoutTokens(said), fix);
  }
}

/** A slice of a download; memory is bounded by it. */
const DOWNLOAD_BYTES = 32 * 1024 * 1024;

interface RefsAnswer {
  readonly branches: readonly { readonly name: string; readonly targetCommit: string }[];
  readonly tags: readonly { readonly name: string; readonly targetCommit: string }[];
}

function refusal(message: string, found?: string, fix?: string): GituneError {
  return new GituneError(
    { code: "hub.refused", severity: "error", message, ...(found ? { found } : {}), ...(fix ? { fix } : {}) },
    { exitCode: 3 },
  );
}

/** git's id of a file's content. */
export async function blobId(path: string): Promise<string> {
  const hash = createHash("sha1").update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
