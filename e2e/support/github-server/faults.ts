/** Failures on demand: requests that match, or those from a certain one on, are answered wrongly, or not at all. */

export interface Fault {
  /** Which request since the last `calm`, counted from 1. Left out: the next one that matches. */
  readonly at?: number;
  /** Tested against `METHOD /path`. Left out: any request. */
  readonly match?: RegExp;
  /** How many requests, from there on; 1 by default. `Infinity` is a GitHub that is down. */
  readonly times?: number;
  /** A status to answer with; or the connection is cut before or after the request was carried out; or as usual. */
  readonly answer: number | "cut-before" | "cut-after" | "as-usual";
  /** Happens first: what somebody else does in between. */
  readonly before?: () => Promise<unknown>;
  /** Of the answer; may repeat the token that was sent. */
  readonly message?: string | ((token: string) => string);
  readonly headers?: Readonly<Record<string, string>>;
}

export class Faults {
  #pending: { fault: Fault; left: number }[] = [];
  #seen = 0;
  /** How many were injected since the server started. */
  injected = 0;

  add(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? 1 });
  }

  /** Uses up one of the first fault that is due. */
  take(method: string, path: string): Fault | undefined {
    this.#seen += 1;
    const found = this.#pending.find(
      ({ fault, left }) =>
        left > 0 && this.#seen >= (fault.at ?? 0) && (fault.match?.test(`${method} ${path}`) ?? true),
    );
    if (!found) return undefined;
    found.left -= 1;
    this.injected += 1;
    return found.fault;
  }

  clear(): void {
    this.#pending = [];
    this.#seen = 0;
  }
}

/** Each passes by itself, so whoever asks again must not notice; with the words that docs/reliability.md has. */
export const PASSING_FAULTS: readonly (readonly [words: string, fault: Omit<Fault, "at">])[] = [
  ["status 500 at one request", { answer: 500 }],
  ["status 429 at one request", { answer: 429, headers: { "retry-after": "1" } }],
  ["connection cut before the effect of one request", { answer: "cut-before" }],
  ["connection cut after the effect of one request", { answer: "cut-after" }],
];
