/**
 * Globs of `gitune.yaml`: `*` and `?` within a name, `**` for any number of folders, `{a,b}` for alternatives.
 * Matching is by dynamic programming, not by regular expressions: a pattern from a pull request cannot make it slow.
 */
import { readdir } from "node:fs/promises";
import { nativePath } from "./paths.js";

/** `{a,b}{c,d}…` multiplies; real configs have a handful. */
const MAX_ALTERNATIVES = 256;
/** Folders deeper than this are no data layout. */
const MAX_FOLDER_DEPTH = 32;

/** Whether a path (forward slashes) matches. Names that start with a dot match only patterns that have the dot. */
export function matchesGlob(path: string, glob: string): boolean {
  const parts = path.split("/");
  return expandBraces(glob).some((pattern) => matchesParts(parts, patternParts(pattern)));
}

/** The files below `dir` that match, sorted by name; symlinks are listed, never walked through. */
export async function listGlob(dir: string, glob: string): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of expandBraces(glob)) {
    const parts = patternParts(pattern);
    await walk(dir, [], parts, (path) => {
      if (matchesParts(path, parts)) found.add(path.join("/"));
    });
  }
  return [...found].sort();
}

function patternParts(pattern: string): string[] {
  return pattern.split("/").filter((part) => part !== "" && part !== ".");
}

async function walk(
  dir: string,
  path: readonly string[],
  parts: readonly string[],
  onFile: (path: readonly string[]) => void,
): Promise<void> {
  if (path.length > MAX_FOLDER_DEPTH) return;
  const entries = await readdir(nativePath(dir, path.join("/") || "."), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const next = [...path, entry.name];
    if (entry.isDirectory()) {
      if (couldMatchBelow(next, parts)) await walk(dir, next, parts, onFile);
    } else {
      onFile(next);
    }
  }
}

/** Whether something below a folder could match, so that the rest of the disk is not read. */
function couldMatchBelow(path: readonly string[], parts: readonly string[]): boolean {
  for (const [index, name] of path.entries()) {
    const part = parts[index];
    if (part === "**") return !path.some((step) => step.startsWith(".") || step === "node_modules");
    if (part === undefined || !matchesName(name, part)) return false;
  }
  return parts.length > path.length;
}

function matchesParts(path: readonly string[], parts: readonly string[]): boolean {
  // reachable[j]: the path read so far matches the first j parts
  let reachable = new Array<boolean>(parts.length + 1).fill(false);
  reachable[0] = true;
  for (let j = 0; parts[j] === "**"; j += 1) reachable[j + 1] = true;
  for (const name of path) {
    const next = new Array<boolean>(parts.length + 1).fill(false);
    for (const [j, part] of parts.entries()) {
      if (part === "**") {
        if ((reachable[j] || reachable[j + 1]) && !name.startsWith(".")) next[j + 1] = true;
        if (next[j]) next[j + 1] = true;
      } else if (reachable[j] && matchesName(name, part)) {
        next[j + 1] = true;
      }
    }
    reachable = next;
  }
  return reachable[parts.length] ?? false;
}

/** `*` and `?` by the two-pointer walk: at worst name × pattern steps. */
function matchesName(name: string, pattern: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  let at = 0;
  let want = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    const char = pattern[want];
    if (char === "*") {
      star = want;
      resume = at;
      want += 1;
    } else if (char === "?" || (char !== undefined && char === name[at])) {
      at += 1;
      want += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      want = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[want] === "*") want += 1;
  return want === pattern.length;
}

function expandBraces(glob: string): string[] {
  let patterns = [glob];
  for (;;) {
    const next: string[] = [];
    let isDone = true;
    for (const pattern of patterns) {
      const match = /^([^{]*)\{([^{}]*)\}(.*)$/.exec(pattern);
      if (!match || next.length > MAX_ALTERNATIVES) {
        next.push(pattern);
        continue;
      }
      isDone = false;
      const [, before = "", inside = "", after = ""] = match;
      for (const choice of inside.split(",")) next.push(before + choice + after);
    }
    if (isDone || next.length > MAX_ALTERNATIVES) return next;
    patterns = next;
  }
}
