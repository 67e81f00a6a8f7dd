/**
 * What is known of each source, in a small file that is committed with the rows: `.refresh.jsonl` in the project's
 * folder, a line a source, and a line a row that people took out of a proposal. No dates in it, so that nothing changes
 * where nothing has; lines, so that git can merge two states of it.
 */
import { type Config, canonicalJson, type JsonValue, type RefreshSource, sha256Hex } from "@gitune/core";

export const STATE_FILE = ".refresh.jsonl";

export interface SourceState {
  /** sha256 over what is asked of the source and of its rows: what was refused under other checks may be taken now. */
  readonly config: string;
  /** sha256 over what it gave. */
  readonly content: string;
  /** Of what it gave; null where the server has none. */
  readonly etag: string | null;
}

export interface RefreshState {
  /** By the source's name. */
  readonly sources: ReadonlyMap<string, SourceState>;
  /** Keys (`rowKey`) of rows that people took out. */
  readonly rejected: ReadonlySet<string>;
}

/** What tells rows of a proposal apart. 16 hex digits: 64 bits, as for the rows' own keys. */
export function rowKey(row: JsonValue): string {
  return sha256Hex(canonicalJson(row)).slice(0, 16);
}

export function configHash(source: RefreshSource, { data, checks }: Pick<Config, "data" | "checks">): string {
  const { timeoutSeconds: _timeout, maxBytes: _maxBytes, ...asked } = source;
  return sha256Hex(canonicalJson({ source: asked, data, checks }));
}

/** What cannot be read is not known: the source is asked in full. */
export function parseState(text: string | null): RefreshState {
  const sources = new Map<string, SourceState>();
  const keys = new Set<string>();
  for (const line of (text ?? "").split("\n")) {
    const { source, config, content, etag, rejected } = parseLine(line);
    if (typeof rejected === "string" && /^[0-9a-f]{16}$/.test(rejected)) keys.add(rejected);
    if (typeof source !== "string" || typeof config !== "string" || typeof content !== "string") continue;
    const tag = typeof etag === "string" && /^[\x20-\x7e]{1,200}$/.test(etag) ? etag : null;
    sources.set(source, { config, content, etag: tag });
  }
  return { sources, rejected: keys };
}

function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Sorted; sources that the config no longer has are left out. */
export function renderState(state: RefreshState, sources: readonly RefreshSource[]): string {
  const known = sources
    .map(({ name }) => name)
    .sort()
    .flatMap((source) => {
      const one = state.sources.get(source);
      return one ? [{ source, ...one }] : [];
    });
  const rejected = [...state.rejected].sort().map((key) => ({ rejected: key }));
  return [...known, ...rejected].map((line) => `${JSON.stringify(line)}\n`).join("");
}
