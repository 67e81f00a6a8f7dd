/** Where new rows come from: a project's `refresh`, as written and with every default in place. */
import type { DataFormat } from "./config.js";

/** What all kinds of sources have. */
interface SourceCommon {
  /** Unique in the project. */
  readonly name: string;
  /** The file of split `train` that its rows go to, relative to the project's folder. It need not be there yet. */
  readonly into: string;
  /** How its rows say what they teach. Rows of another format than the project's are converted. */
  readonly format: DataFormat;
  /** Field of the row -> JSON pointer into what the source gave; empty takes it as it is. */
  readonly map: Readonly<Record<string, string>>;
  /** JSON pointer -> the values that it must have one of; what has another is passed over. */
  readonly accept: Readonly<Record<string, readonly Scalar[]>>;
  /** Seconds, for everything together. */
  readonly timeoutSeconds: number;
  /** Bytes of everything that it gives. */
  readonly maxBytes: number;
}

type Scalar = string | number | boolean | null;

/** A program of the repository that prints rows. */
export interface CommandSource extends SourceCommon {
  readonly type: "command";
  /** Program and arguments; no shell. Run in the project's folder. */
  readonly command: readonly string[];
  /** Names of environment variables that it may see beside the harmless ones. */
  readonly env: readonly string[];
}

/** A file of rows at an address. */
export interface HttpSource extends SourceCommon {
  readonly type: "http";
  /** https, or http on loopback. */
  readonly url: string;
  /** Name of the environment variable with a bearer token; null sends none. */
  readonly tokenEnv: string | null;
}

/** A file of a dataset on the Hugging Face Hub. */
export interface HubSource extends SourceCommon {
  readonly type: "hub";
  /** `owner/name` */
  readonly dataset: string;
  /** Path in the dataset's repository. */
  readonly file: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** Logs of requests that people accepted, as files of this machine. */
export interface LogsSource extends SourceCommon {
  readonly type: "logs";
  /** Glob, relative to the repository's root. */
  readonly files: string;
}

/** A source, every default in its place. */
export type RefreshSource = CommandSource | HttpSource | HubSource | LogsSource;

/** A project's way to new rows. */
export interface RefreshConfig {
  readonly sources: readonly RefreshSource[];
  /** For people: what starts it is the workflow's `schedule`. */
  readonly schedule: string;
  readonly drift: {
    /** The greatest population stability index between new rows and those before that is not reported. */
    readonly max: number;
  };
}

interface WrittenSource {
  readonly type: RefreshSource["type"];
  readonly name: string;
  readonly into: string;
  readonly format?: DataFormat;
  readonly map?: Readonly<Record<string, string>>;
  readonly accept?: Readonly<Record<string, Scalar | readonly Scalar[]>>;
  readonly timeout_seconds?: number;
  readonly max_bytes?: number;
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly url?: string;
  readonly token_env?: string;
  readonly dataset?: string;
  readonly file?: string;
  readonly revision?: string;
  readonly files?: string;
}

export interface WrittenRefresh {
  readonly sources: readonly WrittenSource[];
  readonly schedule?: string;
  readonly drift?: { readonly max?: number };
}

export const DEFAULT_TIMEOUT_SECONDS = 300;
/** 64 MiB: a night's rows with room; they are held in memory. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** What is commonly read as a large shift; a moderate one begins at 0.1. */
export const DEFAULT_MAX_DRIFT = 0.25;

/** @param format the project's own */
export function resolveRefresh(written: WrittenRefresh, format: DataFormat): RefreshConfig {
  return {
    sources: written.sources.map((source) => resolveSource(source, format)),
    schedule: written.schedule ?? "manual",
    drift: { max: written.drift?.max ?? DEFAULT_MAX_DRIFT },
  };
}

/** The schema has made sure that what a type needs is there. */
function resolveSource(written: WrittenSource, format: DataFormat): RefreshSource {
  const common: SourceCommon = {
    name: written.name,
    into: written.into,
    format: written.format ?? format,
    map: written.map ?? {},
    accept: Object.fromEntries(
      Object.entries(written.accept ?? {}).map(([pointer, values]) => [
        pointer,
        Array.isArray(values) ? (values as readonly Scalar[]) : [values as Scalar],
      ]),
    ),
    timeoutSeconds: written.timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS,
    maxBytes: written.max_bytes ?? DEFAULT_MAX_BYTES,
  };
  switch (written.type) {
    case "command":
      return { ...common, type: "command", command: written.command ?? [], env: written.env ?? [] };
    case "http":
      return { ...common, type: "http", url: written.url ?? "", tokenEnv: written.token_env ?? null };
    case "hub":
      return {
        ...common,
        type: "hub",
        dataset: written.dataset ?? "",
        file: written.file ?? "",
        revision: written.revision ?? "main",
      };
    case "logs":
      return { ...common, type: "logs", files: written.files ?? "" };
  }
}
