/** The two files of a project that a new version is written into, and what they say of one; pure. */

/** The file's name, in a project's folder. */
export const CHANGELOG_FILE = "CHANGELOG.md";

/**
 * Sets the version in the text of a gitune.yaml, leaving everything else as it is.
 * @returns null where it is written in a way that is not a line of its own
 */
export function withVersion(yaml: string, version: string): string | null {
  const line = /^version:[ \t]*(?:"[^"\n]*"|'[^'\n]*'|[^\s#"']+)/m;
  if (line.test(yaml)) return yaml.replace(line, `version: ${version}`);
  const name = /^name:[^\n]*\n/m;
  return name.test(yaml) ? yaml.replace(name, (found) => `${found}version: ${version}\n`) : null;
}

const TITLE = "# Changelog\n";

/** Puts a version's part below the title, above the older ones. */
export function withEntry(changelog: string | null, version: string, lines: readonly string[]): string {
  const entry = [`## ${version}`, "", ...lines.map((line) => `- ${line}`), ""].join("\n");
  const text = changelog ?? TITLE;
  const [title = ""] = /^# [^\n]*\n/.exec(text) ?? [TITLE];
  const older = text.startsWith("# ") ? text.slice(title.length) : text;
  const rest = older.trimStart();
  return `${title}\n${entry}${rest === "" ? "" : `\n${rest}`}`;
}

/** A version's part of a changelog, without its heading. @returns null where it has none */
export function entryOf(changelog: string | null, version: string): string | null {
  const parts = (changelog ?? "").split(/^## /m).slice(1);
  // `## 1.2.0`, `## [1.2.0] - 2026-01-31` and `## v1.2.0` are all in use.
  const part = parts.find((text) => /^\[?v?([^\]\s]+)/.exec(text)?.[1] === version);
  const entry = part?.slice(part.split("\n", 1)[0]?.length).trim();
  return entry ? entry : null;
}
