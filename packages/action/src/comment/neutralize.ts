/**
 * Makes Markdown that holds other people's text harmless on GitHub. The report's writer escapes rows already; this is
 * the second wall, since the report comes from the part that reads the pull request's content.
 */
import { printable } from "@gitune/core";

/** Shown as nothing, but ends a mention or a reference. */
const ZERO_WIDTH_SPACE = "\u200b";

const RULES: readonly (readonly [what: RegExp, replacement: string])[] = [
  // Would hide what follows, close our marker, or be taken for a marker.
  [/<!--/g, "&lt;!--"],
  // GitHub looks for mentions and references after entities are read, so these are an @ or a # as well.
  [/&(?=(?:#0*(?:64|35)|#[xX]0*(?:40|23)|commat|num);)/g, "&amp;"],
  [/(?<![A-Za-z0-9])@(?=[A-Za-z0-9])/g, `@${ZERO_WIDTH_SPACE}`],
  // `#12`, `owner/name#12` and `GH-12` leave a trace in another issue; `&#12;` is an entity.
  [/(?<!&)#(?=\d)/g, `#${ZERO_WIDTH_SPACE}`],
  [/\bGH-(?=\d)/gi, `GH-${ZERO_WIDTH_SPACE}`],
  [/\/(issues|pull|discussions)\/(?=\d)/g, `/$1/${ZERO_WIDTH_SPACE}`],
  // A picture can pretend to be a verdict, and tells its host who reads.
  [/!(?=\[)/g, `!${ZERO_WIDTH_SPACE}`],
  [/<(?=\/?(?:img|picture|source|video|svg|iframe|script|style)\b)/gi, "&lt;"],
];

/** @returns Markdown that mentions nobody, refers to no issue and holds no hidden part; the same for its own result */
export function neutralizeMarkdown(markdown: string): string {
  return RULES.reduce((text, [what, replacement]) => text.replace(what, replacement), markdown);
}

/** Reports have no links, so one in a report was not meant by us: it would speak with our voice. */
const LINKS: readonly (readonly [what: RegExp, replacement: string])[] = [
  [/\](?=[([:])/g, `]${ZERO_WIDTH_SPACE}`],
  [/:\/\//g, `:${ZERO_WIDTH_SPACE}//`],
  [/\bwww\./gi, `www${ZERO_WIDTH_SPACE}.`],
  [/<(?=\/?(?:a|area|base|form|input|link|map|meta|object)\b)/gi, "&lt;"],
];

/** @returns a report in which nothing of `neutralizeMarkdown` is left, and no link; the same for its own result */
export function neutralizeReport(markdown: string): string {
  return LINKS.reduce((text, [what, replacement]) => text.replace(what, replacement), neutralizeMarkdown(markdown));
}

/** Any text as a code block that it cannot leave, with all of its characters visible. */
export function fenced(given: string): string {
  const text = given
    .split(/\r\n|[\r\n]/)
    .map(printable)
    .join("\n");
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
