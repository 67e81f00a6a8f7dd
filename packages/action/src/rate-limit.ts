/**
 * GitHub's rate limits, which answer with the status of a missing permission. Pure.
 * @see https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */

export interface RateLimit {
  /** When GitHub takes requests again; null where it does not say. */
  readonly endsAt: Date | null;
}

/** What GitHub asks for where a secondary limit comes without a time. */
const SECONDARY_WAIT_MS = 60_000;

/** @returns null where an error is something else than a rate limit */
export function rateLimitOf(error: unknown, now = new Date()): RateLimit | null {
  if (!(error instanceof Error) || !("status" in error) || (error.status !== 403 && error.status !== 429)) return null;
  const headers = headersOf(error);
  const after = secondsOf(headers["retry-after"]);
  if (after !== null) return { endsAt: new Date(now.getTime() + after * 1000) };
  if (secondsOf(headers["x-ratelimit-remaining"]) === 0) {
    const reset = secondsOf(headers["x-ratelimit-reset"]);
    return { endsAt: reset === null ? null : new Date(reset * 1000) };
  }
  if (/secondary rate limit/i.test(error.message)) return { endsAt: new Date(now.getTime() + SECONDARY_WAIT_MS) };
  return error.status === 429 ? { endsAt: null } : null;
}

/** For people. @param said what GitHub said, printable and without secrets */
export function explainRateLimit({ endsAt }: RateLimit, said: string): string {
  if (endsAt === null) return `GitHub's rate limit is used up. Run this job again later (${said}).`;
  // Counted up to the minute: whoever starts it then must not be early.
  const time = new Date(endsAt.getTime() + 59_999).toISOString().slice(11, 16);
  return `GitHub's rate limit is used up; it starts again at ${time} UTC. Run this job again then (${said}).`;
}

function headersOf(error: Error): Readonly<Record<string, unknown>> {
  const { response } = error as { response?: { headers?: Record<string, unknown> } };
  return response?.headers ?? {};
}

/** Ten digits last until the year 2286. */
function secondsOf(header: unknown): number | null {
  return /^\d{1,10}$/.test(String(header)) ? Number(header) : null;
}
