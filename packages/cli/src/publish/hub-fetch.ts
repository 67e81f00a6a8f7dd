/**
 * `fetch` for the Hub: adds the token, waits where the Hub asks for it, and repeats what may be repeated. A request that
 * creates something is never repeated here: whether it was carried out must be looked up first (`converge.ts`).
 */
import { GituneError, printable, redact } from "@gitune/core";
import type { Credentials } from "./credentials.js";

/** Waits; a test counts instead. Rejects when the signal says stop. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

export interface HubFetchOptions {
  readonly endpoint: string;
  readonly credentials: Credentials | null;
  readonly sleep: Sleep;
  readonly signal?: AbortSignal;
  /** How often a request is tried; `MAX_ATTEMPTS` by default. */
  readonly attempts?: number;
  /** The caller reads bodies, and notices itself where one ends early. */
  readonly isStreamed?: boolean;
}

/** How often anything is tried. With the waits below that is about a minute of a Hub that is down. */
export const MAX_ATTEMPTS = 6;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** The Hub's windows are five minutes long; whoever asks for more is not waited for. */
const LONGEST_LIMIT_MS = 6 * 60_000;

/** The Hub failed at a request that may or may not have been carried out, or that lost a race. */
export class UncertainFailure extends Error {}

/** How long to wait before try `attempt` + 1, in ms; counted from 0. */
export function backoffMs(attempt: number): number {
  // Half of it by chance, so that two publishers do not meet again.
  return Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
}

/** A `fetch` for whoever talks to the Hub. Only requests to the endpoint itself carry the token. */
export function hubFetch(options: HubFetchOptions): typeof fetch {
  const { endpoint, credentials, sleep, signal, attempts = MAX_ATTEMPTS } = options;
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? "GET";
    const what = `${method} ${url.origin}${url.pathname}`;
    let isRenewed = false;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const isLast = attempt + 1 >= attempts;
      const answer = await send(url, init, url.origin === new URL(endpoint).origin ? credentials : null);
      if (answer instanceof Response && answer.status < 500 && answer.status !== 429) {
        // A token whose hour is over was not looked at, so nothing was carried out.
        const isStale = answer.status === 401 && !isRenewed && credentials !== null && (await credentials.renew());
        if (!isStale) return answer;
        isRenewed = true;
        continue;
      }
      const isLimited = answer instanceof Response && answer.status === 429;
      if (!isLimited && !mayBeRepeated(method, url)) {
        throw new UncertainFailure(`${what}: ${problemOf(answer)}`);
      }
      const limitMs = isLimited ? limitOf(answer.headers) : 0;
      if (isLast || limitMs > LONGEST_LIMIT_MS) throw unreachable(what, problemOf(answer), attempt + 1);
      await sleep(Math.max(limitMs, backoffMs(attempt)), signal);
    }
  };

  /** @returns what went wrong where there is no whole answer */
  async function send(url: URL, init: RequestInit | undefined, who: Credentials | null): Promise<Response | Error> {
    const headers = new Headers(init?.headers);
    const token = who && (await who.token());
    if (token) headers.set("authorization", `Bearer ${token}`);
    try {
      const response = await fetch(url, { ...init, headers, ...(signal ? { signal } : {}) });
      const isJson = (response.headers.get("content-type") ?? "").includes("json");
      if (options.isStreamed || !isJson) return response;
      // Read here, so that a connection that is cut within an answer is noticed here.
      const { status, headers: answered } = response;
      return new Response(await response.arrayBuffer(), { status, headers: answered });
    } catch (error) {
      signal?.throwIfAborted();
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** Reads, uploads of bytes that are named by their hash, and questions that change nothing. */
function mayBeRepeated(method: string, { pathname }: URL): boolean {
  if (method !== "POST") return true;
  return /\/preupload\/|\/info\/lfs\/objects\/batch$|\/complete$|\/oauth\/token$/.test(pathname);
}

/**
 * Milliseconds until the Hub takes requests again: `Retry-After` (RFC 9110) in seconds or as a date, or `t` of `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers) in seconds.
 */
export function limitOf(headers: Pick<Headers, "get">, now = Date.now()): number {
  const after = headers.get("retry-after");
  if (after !== null) {
    const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now;
    if (Number.isFinite(ms)) return Math.max(ms, 0);
  }
  const seconds = /(?:^|[;,\s])t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1000;
}

/** What went wrong, without a token in it. */
export function problemOf(answer: Response | Error): string {
  if (answer instanceof Response) return `status ${answer.status}`;
  const cause = answer.cause instanceof Error ? answer.cause.message : "";
  return withoutTokens(cause === "" ? answer.message : `${answer.message} (${cause})`);
}

/** @param what was asked, e.g. `GET https://…` */
export function unreachable(what: string, problem: string, attempts: number): GituneError {
  return new GituneError(
    {
      code: "hub.unreachable",
      severity: "error",
      message: `the Hub did not answer ${what}: ${problem}, after ${attempts} tries`,
      fix: "run the same command again: it goes on where it stopped",
    },
    { exitCode: 3 },
  );
}

/** What a server says, on one line, short, and never with a token in it. */
export function withoutTokens(text: string): string {
  return printable(redact(text)).slice(0, 300);
}
