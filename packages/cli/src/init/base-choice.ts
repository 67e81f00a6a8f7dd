/** The base of new projects: the one that was named, else one that the repository has, else a small one of the Hub. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { GituneError, isBaseInside, isHubId } from "@gitune/core";
import type { HubBases } from "../hub-base/hub-bases.js";
import type { TokenLimit } from "./divide-rows.js";

export interface BaseChoice {
  /** As `train.base` is written: relative to the root, or a Hub id. */
  readonly base: string;
  readonly revision: string | null;
  /** Null where the base is not on this machine. */
  readonly tokens: TokenLimit | null;
}

/** Where nobody names one and the repository has none: small, and licensed for any use (Apache-2.0). */
export const DEFAULT_BASE = {
  base: "HuggingFaceTB/SmolLM2-135M-Instruct",
  revision: "12fd25f77366fa6b3b4b768ec3050bf629380bac",
} as const;
/** Longer rows are costly on two cores; whoever has them raises it. */
const MAX_TOKENS = 1_024;
const MAX_CONFIG_BYTES = 1024 * 1024;

/** @param named from the command line, relative to `cwd`; null where none is. @throws {GituneError} `cli.usage` */
export async function chooseBase(
  root: string,
  cwd: string,
  named: string | null,
  bases: HubBases,
): Promise<BaseChoice> {
  const [, id = "", revision = ""] = named === null ? [] : (/^([^@]+)@([0-9a-f]{40})$/.exec(named) ?? []);
  if (isHubId(id)) return fromHub({ base: id, revision }, bases);
  const base = named === null ? await findBase(root) : await placeOf(root, cwd, named);
  return base === null
    ? fromHub(DEFAULT_BASE, bases)
    : { base, revision: null, tokens: await tokensOf(join(root, base)) };
}

/** Nothing is downloaded to look at rows. */
async function fromHub(
  hub: { readonly base: string; readonly revision: string },
  bases: HubBases,
): Promise<BaseChoice> {
  const place = await bases.cached({ id: hub.base, revision: hub.revision, about: {} }, "identity");
  return { ...hub, tokens: place && (await tokensOf(place.dir)) };
}

async function placeOf(root: string, cwd: string, named: string): Promise<string> {
  for (const from of [cwd, root]) {
    const path = resolve(from, named);
    if (!(await isBaseInside(root, path))) continue;
    const place = relative(root, path).split(sep).join("/");
    if (place !== "") return place;
  }
  throw new GituneError({
    code: "cli.usage",
    severity: "error",
    message: `there is no base at ${JSON.stringify(named)} in the repository`,
    expected:
      "a folder with config.json, tokenizer.json and model.safetensors, a .gguf file, or <Hub id>@<40 hex digits>",
    found: named,
  });
}

/** The first by name below `models/`; null where there is none. */
export async function findBase(root: string): Promise<string | null> {
  const names = await readdir(join(root, "models")).catch(() => []);
  for (const name of names.sort()) {
    const path = join(root, "models", name);
    const isFolder =
      (await stat(join(path, "config.json")).catch(() => null)) &&
      (await stat(join(path, "tokenizer.json")).catch(() => null));
    if ((isFolder || name.endsWith(".gguf")) && (await isBaseInside(root, path))) return `models/${name}`;
  }
  return null;
}

async function tokensOf(place: string): Promise<TokenLimit> {
  const { countTokens, loadTokenizer } = await import("@gitune/train/tokenizer");
  const count = countTokens({ tokenizer: await loadTokenizer(place) });
  return { count, max: Math.min(MAX_TOKENS, await positionsOf(place)) };
}

/** What the base can read. A GGUF file's is checked when it is opened. */
async function positionsOf(place: string): Promise<number> {
  const path = join(place, "config.json");
  const found = await stat(path).catch(() => null);
  if (!found || found.size > MAX_CONFIG_BYTES) return MAX_TOKENS;
  const config: unknown = JSON.parse(await readFile(path, "utf8"));
  const positions = (config as Readonly<Record<string, unknown>> | null)?.["max_position_embeddings"];
  return typeof positions === "number" && positions > 0 ? positions : MAX_TOKENS;
}
