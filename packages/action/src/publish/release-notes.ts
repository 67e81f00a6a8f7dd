/** A release in words: the GitHub release's notes, and lines of summaries. Pure. */
import { fitToLimit } from "../comment/fit-to-limit.js";
import { neutralizeMarkdown } from "../comment/neutralize.js";
import { VERDICT_WORDS } from "../verdict-words.js";
import type { HandedRelease, ReleaseDocument } from "./release-document.js";

/** GitHub rejects notes over 125,000 characters; the rest is room for what people write around ours. */
const MAX_NOTES_CHARS = 110_000;
const START = "<!-- gitune:notes -->";
const END = "<!-- /gitune:notes -->";
/** Of the run that made them: on the Hub they may be those of an earlier run, so their hashes are not told. */
const RECORDS: ReadonlySet<string> = new Set(["gitune.lock.json", "gitune.provenance.json", "trainer_state.json"]);
const OWN = new RegExp(`${START}[\\s\\S]*?${END}`);

/** @returns at most `MAX_NOTES_CHARS` characters, between two hidden marks; the same release gives the same text */
export function renderNotes(release: HandedRelease): string {
  const { changelog, commit, report_text: report } = release;
  const files = release.files.filter(({ path }) => !RECORDS.has(path));
  const body = [
    `${hubLine(release)} Compared with ${comparedWith(release)}.`,
    "",
    ...(changelog === null ? [] : ["### Changes", "", changelog.trim(), ""]),
    report.trim(),
    "",
    "### Files",
    "",
    "| file | bytes | sha256 |",
    "|---|---:|---|",
    ...files.map(({ path, size, sha256 }) => `| \`${path}\` | ${size.toLocaleString("en")} | \`${sha256}\` |`),
    "",
    `<sub>Git commit ${commit}</sub>`,
  ].join("\n");
  const room = MAX_NOTES_CHARS - START.length - END.length - 2;
  return `${START}\n${fitToLimit(neutralizeMarkdown(body), room, "More is in the model card on the Hub.")}\n${END}`;
}

/** Ours in place of ours, or below what people wrote; their words stay as they are. */
export function mergeNotes(written: string, ours: string): string {
  if (OWN.test(written)) return written.replace(OWN, () => ours);
  return written.trim() === "" ? ours : `${written.trimEnd()}\n\n${ours}`;
}

/** `## colours@1.1.0: pass`, and against what. */
export function releaseHeading(release: ReleaseDocument): string {
  return `## \`${release.tag}\`: ${VERDICT_WORDS[release.verdict]}, against ${comparedWith(release)}`;
}

function comparedWith({ compared_with: before }: ReleaseDocument): string {
  return before === null ? "the base alone" : `\`${before}\``;
}

/** Where it is on the Hub. */
export function hubLine({ tag, hub }: ReleaseDocument): string {
  const at = hub.commit === null ? "" : `, commit \`${hub.commit}\``;
  return `**[${hub.repository}](${hub.url}/tree/${tag})** on the Hugging Face Hub${at}.`;
}

/** What a dry run would change on the Hub. */
export function planLines({ hub, plan }: ReleaseDocument): readonly string[] {
  if (plan === null) return [];
  const place = `[${hub.repository}](${hub.url})`;
  return [
    plan.repository === "create"
      ? `Nothing was published. ${place} would be made (a private repository looks like one that is not there):`
      : `Nothing was published. ${place} would change:`,
    "",
    ...plan.files.map(({ path, change }) => `- ${change}: \`${path.replaceAll("`", "")}\``),
    "",
  ];
}
