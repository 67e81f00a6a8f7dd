import { GituneError, type Issue } from "@gitune/core";

/** A source that could not be read. The machine's or the network's failure, never the gate's: exit code 3. */
export function sourceError(message: string, more: Partial<Issue> = {}): GituneError {
  return new GituneError({ code: "refresh.source", severity: "error", message, ...more }, { exitCode: 3 });
}
