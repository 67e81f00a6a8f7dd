/** Workflow and action files: checked by GitHub's parser, read as YAML 1.2. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { importBundled } from "../import-bundled.js";
import type { Json } from "./expressions.js";

export type JsonMap = { readonly [name: string]: Json };

export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: Json;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly with?: JsonMap;
  readonly env?: JsonMap;
  readonly "working-directory"?: string;
  readonly "continue-on-error"?: Json;
  readonly "timeout-minutes"?: Json;
}

export interface RunDefaults {
  readonly shell?: string;
  readonly "working-directory"?: string;
}

export interface Job {
  readonly name?: string;
  readonly needs?: string | readonly string[];
  readonly if?: Json;
  readonly env?: JsonMap;
  readonly permissions?: Json;
  readonly strategy?: { readonly matrix?: Json };
  readonly outputs?: JsonMap;
  readonly defaults?: { readonly run?: RunDefaults };
  readonly "continue-on-error"?: Json;
  readonly "runs-on"?: Json;
  readonly environment?: Json;
  readonly steps: readonly Step[];
  /** A reusable workflow in place of steps. */
  readonly uses?: string;
  readonly with?: JsonMap;
  readonly secrets?: JsonMap | "inherit";
}

/** `on.workflow_call`. */
export interface WorkflowCall {
  readonly inputs?: Readonly<Record<string, { readonly default?: Json; readonly required?: boolean }>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
}

export interface Workflow {
  readonly name?: string;
  readonly on: Json;
  readonly env?: JsonMap;
  readonly permissions?: Json;
  readonly defaults?: { readonly run?: RunDefaults };
  readonly jobs: Readonly<Record<string, Job>>;
}

export interface ActionFile {
  readonly inputs?: Readonly<Record<string, { readonly default?: Json; readonly required?: boolean }>>;
  readonly outputs?: Readonly<Record<string, { readonly value?: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps?: readonly Step[];
    readonly pre?: string;
    readonly main?: string;
    readonly post?: string;
    readonly "post-if"?: string;
  };
}

/** @throws {Error} with what GitHub would say of the file */
export async function readWorkflow(path: string): Promise<Workflow> {
  const content = readFileSync(path, "utf8");
  const parser = (await importBundled("@actions/workflow-parser")) as typeof import("@actions/workflow-parser");
  const { context, value } = parser.parseWorkflow({ name: path, content }, new parser.NoOperationTraceWriter());
  if (value && context.errors.getErrors().length === 0) {
    await parser.convertWorkflowTemplate(context, value, undefined, { errorPolicy: 1 });
  }
  const errors = context.errors.getErrors();
  if (errors.length > 0) throw new Error(`invalid workflow: ${errors.map((error) => error.message).join("; ")}`);
  return parse(content, { version: "1.2" }) as Workflow;
}

/** @param dir folder of an action */
export function readAction(dir: string): ActionFile {
  const path = ["action.yml", "action.yaml"].map((name) => join(dir, name)).find((file) => existsSync(file));
  if (path === undefined) {
    throw new Error(`Can't find 'action.yml' under '${dir}'. Did you forget to run actions/checkout before?`);
  }
  return parse(readFileSync(path, "utf8"), { version: "1.2" }) as ActionFile;
}
