/** Steps that look first, then do what is missing: the answer to requests of which nobody knows whether they were carried out. */
import { GituneError } from "@gitune/core";
import { backoffMs, MAX_ATTEMPTS, type Sleep, UncertainFailure } from "./hub-fetch.js";

/**
 * Repeats a step that reads what is there before it writes, until it is sure of its result.
 * @throws {GituneError} `hub.unreachable` (exit code 3) after the last try
 */
export async function converge<T>(
  step: () => Promise<T>,
  { sleep, signal }: { readonly sleep: Sleep; readonly signal: AbortSignal | undefined },
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof UncertainFailure)) throw error;
      if (attempt + 1 >= MAX_ATTEMPTS) {
        const message = `the Hub failed ${MAX_ATTEMPTS} times, last at ${error.message}`;
        const fix = "run the same command again: it goes on where it stopped";
        throw new GituneError({ code: "hub.unreachable", severity: "error", message, fix }, { exitCode: 3 });
      }
    }
    await sleep(backoffMs(attempt), signal);
  }
}
