/** A file of a dataset on the Hub: where it is, and what the Hub's refusals mean for whoever configured it. */
import type { HubSource, Issue } from "@gitune/core";
import { hubEndpoint, readRefusal } from "../publish/hub-endpoint.js";
import type { Context } from "../verb.js";
import { sourceError } from "./source-error.js";

/** The Hub in use. @throws {GituneError} `refresh.source` */
export function sourceEndpoint(env: Context["env"]): string {
  const endpoint = hubEndpoint(env);
  if (endpoint === null) throw sourceError("HF_ENDPOINT is no https address");
  return endpoint;
}

/** @see https://huggingface.co/docs/hub/datasets-downloading: files are at /datasets/<id>/resolve/<revision>/<path> */
export function hubAddress({ dataset, file, revision }: HubSource, endpoint: string): string {
  const path = file.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/datasets/${dataset}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** What a refusal means: `readRefusal` of a dataset's file. */
export function hubRefusal(
  { dataset, file, revision }: HubSource,
  {
    endpoint,
    ...call
  }: { readonly endpoint: string; readonly hasToken: boolean; readonly status: number; readonly code: string },
): Pick<Issue, "message" | "fix"> | null {
  const page = `${endpoint}/datasets/${dataset}`;
  const refusal = readRefusal({ kind: "dataset", id: dataset, revision, file, page, key: "dataset" }, call);
  return refusal && { message: refusal.message, ...(refusal.fix === undefined ? {} : { fix: refusal.fix }) };
}
