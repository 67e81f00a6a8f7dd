/** Failures on demand, by the number of the request: the way to fail a publish at each of its steps in turn. */

export interface Fault {
  /** Which request since the last `calm`, counted from 1. Left out: the next one that matches. */
  readonly at?: number;
  /** Tested against `METHOD /path`. Left out: any request. */
  readonly match?: RegExp;
  /** How many requests, from there on; 1 by default. `Infinity` is a Hub that is down. */
  readonly times?: number;
  /**
   * A status to answer with; or the connection is cut before or after the request was carried out, or within the answer;
   * or as usual.
   */
  readonly answer: number | "cut-before" | "cut-after" | "cut-within" | "as-usual";
  readonly headers?: Readonly<Record<string, string>>;
  /** Happens first, to its end: what somebody else does in between. */
  readonly before?: () => unknown;
}

export class Faults {
  #pending: { readonly fault: Fault; left: number }[] = [];
  /** How many were injected since the server started. */
  injected = 0;

  add(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? 1 });
  }

  /** Uses up one of the first fault that is due. */
  take(number: number, method: string, path: string): Fault | undefined {
    const due = this.#pending.find(
      ({ fault, left }) =>
        left > 0 && number >= (fault.at ?? 0) && (fault.match === undefined || fault.match.test(`${method} ${path}`)),
    );
    if (!due) return undefined;
    due.left -= 1;
    this.injected += 1;
    return due.fault;
  }

  clear(): void {
    this.#pending = [];
  }
}
