/** Whether text that people see does nothing but be read. Markdown is rendered, so that what is looked at is what GitHub sees. */
import assert from "node:assert/strict";
import { marked } from "marked";

/** What gitune's own Markdown becomes. */
const MARKDOWN_TAGS = new Set(
  "p h1 h2 h3 h4 table thead tbody tr th td code pre strong em del ins ul li blockquote hr br sub details summary a".split(
    " ",
  ),
);
/** Of a page; what it may hold beside text. */
const HTML_TAGS = new Set(
  `html head meta title style body main header footer h1 h2 h3 p div span strong em code ul li table caption thead tbody
  tr th td article details summary br svg g line circle text polyline path rect`.split(/\s+/),
);

interface Tag {
  readonly name: string;
  readonly attributes: string;
}

function tagsOf(html: string): readonly Tag[] {
  return [...html.matchAll(/<\/?([a-zA-Z][^\s/>]*)([^>]*)>/g)].map(([, name = "", attributes = ""]) => ({
    name: name.toLowerCase(),
    attributes,
  }));
}

/** @param links addresses that gitune itself may link to */
export function assertInertMarkdown(markdown: string, links: readonly string[], what: string): void {
  const html = marked.parse(markdown, { gfm: true }) as string;
  for (const { name, attributes } of tagsOf(html)) {
    assert.ok(MARKDOWN_TAGS.has(name), `${what}: <${name}>\n${markdown}`);
    const href = /href="([^"]*)"/.exec(attributes)?.[1];
    if (name === "a" && href !== undefined) assert.ok(links.includes(href), `${what}: a link to ${href}`);
    assert.match(attributes, /^(?: (?:align|class|href)="[^"<>]*")*\s*\/?$/, `${what}: <${name}${attributes}>`);
  }
  assert.doesNotMatch(html, /<(?:h\d|em|a|summary)[^>]*>[^<]*pwned/, `${what}: markup of others\n${markdown}`);
  assert.equal(html.match(/<details>/g)?.length, html.match(/<\/details>/g)?.length, what);
  assert.doesNotMatch(html.replace(/^<!-- gitune:[^>]*-->/, ""), /<!--|<!\[/, what);
  // GitHub looks for mentions outside of code alone.
  const text = html
    .replace(/<code[^>]*>[^<]*<\/code>/g, "")
    .replace(/<[^>]*>/g, "")
    .replaceAll(/&#0*(?:64|x40);/g, "@")
    .replaceAll("&amp;", "&");
  assert.doesNotMatch(text, /@octo|#4242|GH-4242|issues\/4242/i, `${what}: a mention or a reference`);
  assertVisible(markdown.replaceAll("\u200b", ""), what);
}

/** A page without any script, and nothing that is loaded or leads away. */
export function assertInertHtml(html: string, what: string): void {
  for (const { name, attributes } of tagsOf(html)) {
    assert.ok(HTML_TAGS.has(name), `${what}: <${name}>`);
    assert.doesNotMatch(attributes, /\son\w+\s*=|\b(?:href|src|action|srcset|formaction|xlink:href)\s*=/i, what);
  }
  assert.match(html, /Content-Security-Policy" content="default-src 'none'/, what);
}

/** Nothing that orders the text around it, hides, or speaks to a terminal. */
export function assertVisible(text: string, what: string): void {
  assert.doesNotMatch(
    text,
    /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u,
    what,
  );
}
