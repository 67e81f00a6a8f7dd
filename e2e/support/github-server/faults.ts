/** Failures on demand: the next requests that match are answered wrongly, or not at all. */

export interface Fault {
  /** Tested against `METHOD /path`. */
  readonly match: RegExp;
  readonly times?: number;
  /** A status to answer with; or the connection is cut before or after the request was carried out; or as usual. */
  readonly answer: number | "cut-before" | "cut-after" | "as-usual";
  /** Happens first: what somebody else does in between. */
  readonly before?: () => Promise<unknown>;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Faults {
  #pending: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times ?? 1 });
  }

  /** Uses up one of the first fault that matches. */
  take(method: string, path: string): Fault | undefined {
    const found = this.#pending.find(({ fault, left }) => left > 0 && fault.match.test(`${method} ${path}`));
    if (found) found.left -= 1;
    return found?.fault;
  }

  clear(): void {
    this.#pending = [];
  }
}
