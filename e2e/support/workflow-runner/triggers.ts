/** Whether an event starts a workflow: names, activity types, branches, tags, paths. */
import { minimatch } from "minimatch";
import type { Json } from "./expressions.js";

export interface WorkflowEvent {
  readonly name: string;
  readonly payload: { readonly [name: string]: Json };
  readonly ref: string;
  readonly sha: string;
  /** Files that the event changes. */
  readonly paths?: readonly string[];
}

const PULL_REQUEST_TYPES = ["opened", "synchronize", "reopened"];

type Filters = Readonly<Record<string, Json>>;

export function isTriggered(on: Json, event: WorkflowEvent): boolean {
  const events = eventsOf(on);
  if (!(event.name in events)) return false;
  const filters = events[event.name];
  if (typeof filters !== "object" || filters === null || Array.isArray(filters)) return true;
  const known = filters as Filters;
  return hasType(known, event) && hasRef(known, event) && hasPath(known, event);
}

function eventsOf(on: Json): Readonly<Record<string, Json>> {
  if (typeof on === "string") return { [on]: null };
  if (Array.isArray(on)) return Object.fromEntries(on.map((name: Json) => [String(name), null]));
  return (on ?? {}) as Readonly<Record<string, Json>>;
}

function hasType(filters: Filters, event: WorkflowEvent): boolean {
  const types = listOf(filters["types"]) ?? (event.name.startsWith("pull_request") ? PULL_REQUEST_TYPES : null);
  const action = event.payload["action"];
  return types === null || typeof action !== "string" || types.includes(action);
}

function hasRef(filters: Filters, event: WorkflowEvent): boolean {
  const branches = listOf(filters["branches"]);
  const ignored = listOf(filters["branches-ignore"]);
  const tags = listOf(filters["tags"]);
  const tag = /^refs\/tags\/(.*)/.exec(event.ref)?.[1];
  const branch = event.name.startsWith("pull_request") ? baseBranch(event) : /^refs\/heads\/(.*)/.exec(event.ref)?.[1];
  if (event.name === "push") {
    const filtersBranches = branches !== null || ignored !== null;
    if (branch !== undefined && !filtersBranches && tags !== null) return false;
    if (tag !== undefined && tags === null && filtersBranches) return false;
  }
  if (branch !== undefined && branches !== null && !matches(branches, branch)) return false;
  if (branch !== undefined && ignored !== null && matches(ignored, branch)) return false;
  return tag === undefined || tags === null || matches(tags, tag);
}

function hasPath(filters: Filters, event: WorkflowEvent): boolean {
  const paths = listOf(filters["paths"]);
  const ignored = listOf(filters["paths-ignore"]);
  const changed = event.paths ?? [];
  if (paths !== null && !changed.some((path) => matches(paths, path))) return false;
  return ignored === null || changed.some((path) => !matches(ignored, path));
}

/** The last pattern that matches decides; `!` takes back. */
function matches(patterns: readonly string[], name: string): boolean {
  let isMatch = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith("!");
    if (minimatch(name, isNegated ? pattern.slice(1) : pattern, { dot: true })) isMatch = !isNegated;
  }
  return isMatch;
}

function baseBranch(event: WorkflowEvent): string | undefined {
  const pull = event.payload["pull_request"] as { base?: { ref?: string } } | undefined;
  return pull?.base?.ref;
}

function listOf(value: Json | undefined): readonly string[] | null {
  if (value === undefined || value === null) return null;
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
