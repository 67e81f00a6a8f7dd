/** What changed in a project since its last release, and how much of a version that is; pure. */
import type { Project, ProjectDiff } from "@gitune/core";
import { recipeOf } from "../pipeline/keys.js";

/**
 * contracts.md §1: another base or template is another model, so `major`; other rows or another recipe make another
 * adapter of it, so `minor`; what only the card says is `patch`.
 */
export type ChangeKind = "major" | "minor" | "patch";

export interface ProjectChange {
  readonly kind: ChangeKind;
  /** For the changelog, a line each, without a full stop. Values of configs are not in it: they are not ours to quote. */
  readonly lines: readonly string[];
}

export interface ChangeFacts {
  readonly before: Project;
  readonly after: Project;
  readonly diff: ProjectDiff | null;
  /** Whether the files of a local base, its template among them, differ. */
  readonly isModelChanged: boolean;
  /** Whether the project's README.md or the files of its suites differ. */
  readonly isCardChanged: boolean;
}

/** @returns null where nothing that is published changed */
export function projectChange(facts: ChangeFacts): ProjectChange | null {
  const found = { major: majorLines(facts), minor: minorLines(facts), patch: patchLines(facts) };
  const lines = [...found.major, ...found.minor, ...found.patch];
  const kind = (["major", "minor", "patch"] as const).find((one) => found[one].length > 0);
  return kind === undefined ? null : { kind, lines };
}

function majorLines({ before, after, isModelChanged }: ChangeFacts): readonly string[] {
  const [was, is] = [before.config.train, after.config.train];
  if (was.base !== is.base) return ["Another base model"];
  if (was.revision !== is.revision) return ["Another revision of the base model"];
  return isModelChanged ? ["The base model's files changed, its template or its weights"] : [];
}

function minorLines({ before, after, diff }: ChangeFacts): readonly string[] {
  const rows = (diff?.splits ?? []).flatMap(({ split, added, removed, changed }) => {
    const parts = [
      ...(added > 0 ? [`${added.toLocaleString("en")} added`] : []),
      ...(removed > 0 ? [`${removed.toLocaleString("en")} removed`] : []),
      ...(changed > 0 ? [`${changed.toLocaleString("en")} changed`] : []),
    ];
    return parts.length === 0 ? [] : [`Rows of \`${split}\`: ${parts.join(", ")}`];
  });
  const recipe = changedKeys(recipeOf(before.config.train), recipeOf(after.config.train));
  const { splits: _was, ...dataBefore } = before.config.data;
  const { splits: _is, ...dataAfter } = after.config.data;
  const data = changedKeys(dataBefore, dataAfter);
  return [
    ...rows,
    ...(recipe.length > 0 ? [`Recipe: ${recipe.map((key) => `\`${key}\``).join(", ")}`] : []),
    ...(data.length > 0 ? [`How rows are read: ${data.map((key) => `\`${key}\``).join(", ")}`] : []),
  ];
}

function patchLines({ before, after, isCardChanged }: ChangeFacts): readonly string[] {
  const keys = ["license", "language", "description", "evals", "gate"] as const;
  const changed = changedKeys(pick(before, keys), pick(after, keys));
  if (changed.length > 0) return [`Card: ${changed.map((key) => `\`${key}\``).join(", ")}`];
  return isCardChanged ? ["Card"] : [];
}

function pick({ config }: Project, keys: readonly (keyof Project["config"])[]): object {
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
}

function changedKeys(before: object, after: object): readonly string[] {
  const [was, is] = [Object.entries(before), new Map(Object.entries(after))];
  return was.filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(is.get(key))).map(([key]) => snake(key));
}

/** As it is written in gitune.yaml. */
function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @param version of the last release @returns the next one for a change; 0.x counts as any other */
export function nextVersion(version: string, kind: ChangeKind): string {
  const [major = 0, minor = 0, patch = 0] = version.split(/[-+]/)[0]?.split(".").map(Number) ?? [];
  if (kind === "major") return `${major + 1}.0.0`;
  return kind === "minor" ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}
