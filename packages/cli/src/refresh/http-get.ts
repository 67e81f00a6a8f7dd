/** One file over HTTP: bounded in time, size and redirects; asked again where a failure may pass. */
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { GituneError, type Issue } from "@gitune/core";
import { limitOf } from "../publish/hub-fetch.js";
import { notAllowed, publicLookup, refuseInnerHost } from "./addresses.js";
import { sourceError } from "./source-error.js";

export interface HttpCall {
  /** https, or http on loopback; checked by the config's rules. */
  readonly url: string;
  /** Sent to this address's server alone, never to one that it redirects to. */
  readonly token: string | null;
  /** Of the content that is known. */
  readonly etag: string | null;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** What an answer without content means, and how to mend it; null where its status says it all. */
  readonly explain: (status: number, headers: IncomingHttpHeaders) => Pick<Issue, "message" | "fix"> | null;
}

export type HttpAnswer =
  | { readonly kind: "unchanged" }
  | { readonly kind: "content"; readonly bytes: Buffer; readonly etag: string | null };

const MAX_REDIRECTS = 5;
/** A cut connection is back at once, a gateway after seconds, a restart after half a minute. */
const RETRY_DELAYS_MS = [250, 1_000, 4_000, 15_000] as const;
const MAX_RETRY_AFTER_MS = 60_000;
/** Longer ones are no tags, and would end up in git. */
const MAX_ETAG_CHARS = 200;

/** @throws {GituneError} `refresh.source`, or `refresh.address` for a redirect that is not allowed */
export async function httpGet(call: HttpCall): Promise<HttpAnswer> {
  const deadline = AbortSignal.timeout(call.timeoutMs);
  const signal = AbortSignal.any([call.signal, deadline]);
  const timedOut = () => sourceError(`no answer within ${call.timeoutMs / 1000} s`, { fix: "raise timeout_seconds" });
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await follow(call, signal);
    } catch (error) {
      call.signal.throwIfAborted();
      if (deadline.aborted) throw timedOut();
      const delayMs = RETRY_DELAYS_MS[attempt];
      if (!(error instanceof Passing)) throw error;
      if (delayMs === undefined || error.retryAfterMs > MAX_RETRY_AFTER_MS) throw sourceError(error.message);
      await sleep(Math.max(delayMs, error.retryAfterMs), undefined, { signal }).catch(() => {
        call.signal.throwIfAborted();
        throw timedOut();
      });
    }
  }
}

/** A failure that may not be there the next time. */
class Passing extends Error {
  constructor(
    message: string,
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

async function follow(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
  const first = new URL(call.url);
  let url = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const isSameServer = url.origin === first.origin;
    const response = await ask(url, isSameServer, call, signal);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (status >= 300 && status < 400 && status !== 304 && location !== undefined) {
      response.destroy();
      url = nextAddress(url, location, first);
      continue;
    }
    return await read(response, status, call);
  }
  throw sourceError(`more than ${MAX_REDIRECTS} redirects`);
}

function nextAddress(from: URL, location: string, first: URL): URL {
  if (!URL.canParse(location, from.href)) throw notAllowed();
  const url = new URL(location, from);
  if (url.origin === first.origin && url.origin !== "null") return url;
  if (url.protocol !== "https:" || url.username !== "" || url.password !== "") throw notAllowed();
  refuseInnerHost(url.hostname);
  return url;
}

function ask(url: URL, isSameServer: boolean, call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
  const headers: Record<string, string> = {
    accept: "application/x-ndjson, application/jsonl, text/plain, */*",
    // What is limited are the bytes that are read, so none may be packed.
    "accept-encoding": "identity",
    "user-agent": "gitune",
    ...(call.etag === null ? {} : { "if-none-match": call.etag }),
    ...(call.token === null || !isSameServer ? {} : { authorization: `Bearer ${call.token}` }),
  };
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(url, { headers, signal, ...(isSameServer ? {} : { lookup: publicLookup }) }, resolve);
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (error instanceof GituneError) reject(error);
      else reject(new Passing(`the connection failed: ${error.code ?? error.message}`));
    });
    request.end();
  });
}

/** Milliseconds that the server asks for: with `Retry-After`, or as the Hub does, with `RateLimit`. */
function askedWait({ headers }: IncomingMessage): number {
  return limitOf({ get: (name) => headers[name]?.toString() ?? null });
}

async function read(response: IncomingMessage, status: number, call: HttpCall): Promise<HttpAnswer> {
  if (status === 304) {
    response.destroy();
    return { kind: "unchanged" };
  }
  if (status !== 200) {
    response.destroy();
    if (status === 429 || status >= 500) throw new Passing(`the server answers ${status}`, askedWait(response));
    const { message, ...fix } = call.explain(status, response.headers) ?? { message: `the server answers ${status}` };
    throw sourceError(message, fix);
  }
  const tooMuch = () => sourceError(`more than ${call.maxBytes} bytes`, { fix: "raise max_bytes" });
  if (Number(response.headers["content-length"] ?? 0) > call.maxBytes) {
    response.destroy();
    throw tooMuch();
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > call.maxBytes) throw tooMuch();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof GituneError) throw error;
    throw new Passing("the connection was cut before the end");
  }
  if (!response.complete) throw new Passing("the connection was cut before the end");
  const { etag } = response.headers;
  const isUsable = etag !== undefined && etag.length <= MAX_ETAG_CHARS && /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(etag);
  return { kind: "content", bytes: Buffer.concat(chunks), etag: isUsable ? etag : null };
}
