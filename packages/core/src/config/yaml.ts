/** YAML that knows where each of its nodes stands. */
import type { Document, LineCounter, Node, ParsedNode } from "yaml";
import type { Issue } from "../issue.js";

/** A config is a page of text, and a thousand gate rules still fit. The parser takes some ten microseconds for each word. */
const MAX_YAML_CHARS = 256 * 1024;
/** Of anchors and aliases together: each is looked up by a walk through the whole document. */
const MAX_ANCHORS = 200;
/** The deepest part of a config has six levels. */
const MAX_LEVELS = 100;
/** More are read by nobody; finding the place of each takes time. */
const MAX_PROBLEMS = 100;

export interface Place {
  /** Counts from 1. */
  readonly line: number;
  readonly column: number;
}

export interface YamlText {
  readonly value: unknown;
  /** The place of the key or item that a path leads to, or of the deepest parent that is there. */
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

/** Reads one YAML document. @returns the value, or issues without `file` */
export async function parseYaml(text: string): Promise<YamlText | { readonly issues: readonly Issue[] }> {
  if (text.length > MAX_YAML_CHARS) {
    return failed({ message: `the file is longer than ${MAX_YAML_CHARS} characters` });
  }
  const yaml = await import("yaml");
  const { LineCounter: Counter, parseDocument, isAlias, isScalar, visit } = yaml;
  const deepAt = tooDeepAt(text, yaml);
  if (deepAt !== null) return failed({ ...deepAt, message: `the config nests deeper than ${MAX_LEVELS} levels` });
  const counter = new Counter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    // Looked for below: the library compares each key with each other one.
    uniqueKeys: false,
    stringKeys: true,
  });
  const placeAt = (offset: number): Place => toPlace(counter, offset);

  const problems = [...document.errors, ...document.warnings].slice(0, MAX_PROBLEMS).map((error): Issue => {
    const message = error.code === "MULTIPLE_DOCS" ? "more than one YAML document in the file" : error.message;
    return { code: "config.yaml", severity: "error", ...placeAt(error.pos[0]), message };
  });
  if (problems.length > 0) return { issues: problems };

  const twice: Issue[] = [];
  visit(document, {
    Map: (_key, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value) && twice.length < MAX_PROBLEMS) {
          const message = `the key ${JSON.stringify(key.value)} is there twice`;
          twice.push({
            code: "config.duplicate-key",
            severity: "error",
            ...placeAt(key.range?.[0] ?? 0),
            message,
            fix: "keep one of the two",
          });
        }
        seen.add(key.value);
      }
    },
  });
  if (twice.length > 0) return { issues: twice };

  let anchors = 0;
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node) || ("anchor" in node && node.anchor !== undefined)) anchors += 1;
      return anchors > MAX_ANCHORS ? visit.BREAK : undefined;
    },
  });
  if (anchors > MAX_ANCHORS) return failed({ message: `more than ${MAX_ANCHORS} anchors and aliases` });

  const dangling: Issue[] = [];
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document)) return;
      const message = `*${alias.source} refers to an anchor that is not there`;
      const fix = "a text that starts with a star stands in quotes";
      dangling.push({ code: "config.yaml", severity: "error", ...placeAt(alias.range?.[0] ?? 0), message, fix });
    },
  });
  if (dangling.length > 0) return { issues: dangling };

  // Aliases inside aliased values are how a few lines become gigabytes; nobody needs them in a config.
  let nested: Node | undefined;
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node) || !("anchor" in node) || node.anchor === undefined) return;
      visit(node, {
        Alias: (_inner, alias) => {
          nested ??= alias;
        },
      });
    },
  });
  if (nested) {
    return failed({
      ...placeAt(nested.range?.[0] ?? 0),
      message: "an alias inside an anchored value is not supported",
    });
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), placeOf: (path) => placeAt(offsetOf(document, path)) };
  } catch (error) {
    return failed({ message: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * Where a text nests too deeply. Making a document and walking over one call themselves for each level, so a file of
 * brackets would take long and end the stack; the parser below them keeps a list of what is open.
 * @returns null where it does not
 */
function tooDeepAt(text: string, { LineCounter: Counter, Lexer, Parser }: typeof import("yaml")): Place | null {
  const counter = new Counter();
  counter.addNewLine(0);
  const parser = new Parser(counter.addNewLine);
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > MAX_LEVELS) return toPlace(counter, parser.offset);
  }
  return null;
}

function failed(issue: Omit<Issue, "code" | "severity">): { issues: Issue[] } {
  return { issues: [{ code: "config.yaml", severity: "error", ...issue }] };
}

function toPlace(counter: LineCounter, offset: number): Place {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = (document.contents as ParsedNode | null)?.range?.[0] ?? 0;
  for (const part of path) {
    const step = childOf(node, part);
    if (!step) break;
    offset = step.offset;
    node = step.node;
  }
  return offset;
}

interface YamlPair {
  readonly key: { readonly value?: unknown; readonly range?: readonly number[] | null } | null;
  readonly value: unknown;
}

function childOf(node: unknown, part: string | number): { node: unknown; offset: number } | undefined {
  const items = (node as { items?: readonly unknown[] } | null)?.items;
  if (!items) return undefined;
  const isMap = items.some((item) => typeof item === "object" && item !== null && "key" in item);
  if (!isMap) {
    const item = items[Number(part)];
    return item === undefined ? undefined : { node: item, offset: rangeStart(item) };
  }
  const pair = (items as readonly YamlPair[]).find(({ key }) => String(key?.value) === String(part));
  return pair && { node: pair.value, offset: rangeStart(pair.key) };
}

function rangeStart(node: unknown): number {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
}
