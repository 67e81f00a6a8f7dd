/**
 * What is known of each source, in a small file that is committed with the rows: `.refresh.jsonl` in the project's
 * folder, a line a source. No dates in it, so that nothing changes where nothing has.
 */
import { canonicalJson, type RefreshSource, sha256Hex } from "@gitune/core";

export const STATE_FILE = ".refresh.jsonl";

export interface SourceState {
  /** sha256 over the source's config: another question makes the answer another one. */
  readonly config: string;
  /** sha256 over what it gave. */
  readonly content: string;
  /** Of what it gave; null where the server has none. */
  readonly etag: string | null;
}

/** Source -> what is known of it. */
export type SourceStates = ReadonlyMap<string, SourceState>;

export function configHash(source: RefreshSource): string {
  const { timeoutSeconds: _timeout, maxBytes: _maxBytes, ...asked } = source;
  return sha256Hex(canonicalJson(asked));
}

/** What cannot be read is not known: the source is asked in full. */
export function parseStates(text: string | null): SourceStates {
  const states = new Map<string, SourceState>();
  for (const line of (text ?? "").split("\n")) {
    const { source, config, content, etag } = parseLine(line);
    if (typeof source !== "string" || typeof config !== "string" || typeof content !== "string") continue;
    const tag = typeof etag === "string" && /^[\x20-\x7e]{1,200}$/.test(etag) ? etag : null;
    states.set(source, { config, content, etag: tag });
  }
  return states;
}

function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Sorted by name; sources that the config no longer has are left out. */
export function renderStates(states: SourceStates, sources: readonly RefreshSource[]): string {
  return sources
    .map(({ name }) => name)
    .sort()
    .flatMap((source) => {
      const state = states.get(source);
      return state ? [`${JSON.stringify({ source, ...state })}\n`] : [];
    })
    .join("");
}
