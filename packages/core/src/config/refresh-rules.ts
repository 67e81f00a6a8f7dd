/** What the schema cannot say about `refresh`. */
import { matchesGlob } from "../io/glob.js";
import { joinInside, pathProblem } from "../io/paths.js";
import type { Finding } from "../schema/explain.js";
import type { Config, DataFormat } from "./config.js";
import type { RefreshSource } from "./refresh.js";

/** Whose rows are conversations, or can be told as one. */
const CHAT_LIKE: ReadonlySet<DataFormat> = new Set(["messages", "prompt-completion", "alpaca", "sharegpt"]);
const TARGETS: ReadonlySet<DataFormat> = new Set(["messages", "prompt-completion"]);

/** Whether rows of one format can be written in another without losing anything. */
export function canConvert(from: DataFormat, to: DataFormat): boolean {
  return from === to || (CHAT_LIKE.has(from) && TARGETS.has(to));
}

/** Whether plain http may be spoken to a host: only to this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

export function refreshRule(config: Config): Finding[] {
  const sources = config.refresh?.sources ?? [];
  return sources.flatMap((source, index) => {
    const pointer = `/refresh/sources/${index}`;
    const first = sources.findIndex(({ name }) => name === source.name);
    const twice: Finding[] =
      first === index
        ? []
        : [
            {
              code: "config.duplicate-name",
              pointer: `${pointer}/name`,
              message: `two sources are named ${JSON.stringify(source.name)}`,
              found: source.name,
            },
          ];
    return [...twice, ...intoProblem(config, source, pointer), ...formatProblem(config, source, pointer)].concat(
      placeProblem(source, pointer),
    );
  });
}

function intoProblem({ data }: Config, { into }: RefreshSource, pointer: string): Finding[] {
  const globs = data.splits["train"] ?? [];
  const isPlain = pathProblem(into) === null && joinInside("", into) === into;
  if (isPlain && globs.some((glob) => matchesGlob(into, glob))) return [];
  return [
    {
      code: "config.refresh",
      pointer: `${pointer}/into`,
      message: `${JSON.stringify(into)} is no file of split train`,
      expected: `a path that matches ${globs.join(" or ")}`,
      found: into,
    },
  ];
}

function formatProblem({ data }: Config, { format, map }: RefreshSource, pointer: string): Finding[] {
  if (!canConvert(format, data.format)) {
    const message = `rows of format ${format} cannot become rows of format ${data.format}`;
    return [{ code: "config.refresh", pointer: `${pointer}/format`, message, found: format }];
  }
  // The key column is no part of what is converted, so it must be said where it comes from.
  if (format === data.format || data.id === null || Object.hasOwn(map, data.id)) return [];
  const message = `rows need the key column ${JSON.stringify(data.id)}, which a conversion does not make`;
  return [{ code: "config.refresh", pointer, message, fix: `map: { ${data.id}: /… }` }];
}

function placeProblem(source: RefreshSource, pointer: string): Finding[] {
  switch (source.type) {
    case "command":
      return [];
    case "http":
      return urlProblem(source.url, `${pointer}/url`);
    case "hub":
      return pathFinding(source.file, `${pointer}/file`, "the dataset");
    case "logs":
      return pathFinding(source.files, `${pointer}/files`, "the repository");
  }
}

function urlProblem(text: string, pointer: string): Finding[] {
  const url = URL.canParse(text) ? new URL(text) : null;
  const problem = !url
    ? "is no address"
    : url.username !== "" || url.password !== ""
      ? "holds credentials, and this file is in git"
      : url.protocol === "http:" && !isLoopback(url.hostname)
        ? "is not encrypted"
        : null;
  if (problem === null) return [];
  const fix = url?.username || url?.password ? "name a variable with token_env" : "use https";
  // The address itself may hold a password.
  return [{ code: "config.refresh", pointer, message: `the address ${problem}`, fix }];
}

function pathFinding(path: string, pointer: string, whole: string): Finding[] {
  const problem = pathProblem(path) ?? (joinInside("", path) === null ? `leaves ${whole}` : null);
  if (problem === null) return [];
  return [{ code: "config.path", pointer, message: `the path ${JSON.stringify(path)} ${problem}`, found: path }];
}
