/** A file of a dataset on the Hub: where it is, and what the Hub's refusals mean for whoever configured it. */
import { type HubSource, type Issue, isLoopback } from "@gitune/core";
import type { Context } from "../verb.js";
import { sourceError } from "./source-error.js";

/** The Hub in use. @throws {GituneError} `refresh.source` */
export function hubEndpoint(env: Context["env"]): string {
  const endpoint = env["HF_ENDPOINT"] || "https://huggingface.co";
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (!url || !(url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname)))) {
    throw sourceError("HF_ENDPOINT is no https address");
  }
  return endpoint.replace(/\/$/, "");
}

/** @see https://huggingface.co/docs/hub/datasets-downloading: files are at /datasets/<id>/resolve/<revision>/<path> */
export function hubAddress({ dataset, file, revision }: HubSource, endpoint: string): string {
  const path = file.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/datasets/${dataset}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/**
 * What a refusal means.
 * @param code the header `X-Error-Code`: the Hub's own word, since its 401 says gated, private and not there alike
 * @returns null where it says nothing that the status does not
 */
export function hubRefusal(
  { dataset, file, revision }: HubSource,
  call: { readonly endpoint: string; readonly hasToken: boolean; readonly status: number; readonly code: string },
): Pick<Issue, "message" | "fix"> | null {
  const { endpoint, hasToken, status, code } = call;
  if (code === "EntryNotFound")
    return { message: `dataset ${dataset} has no ${file} at ${revision}`, fix: "correct file" };
  if (code === "RevisionNotFound") return { message: `dataset ${dataset} has no ${revision}`, fix: "correct revision" };
  if (code === "GatedRepo") {
    const page = `${endpoint}/datasets/${dataset}`;
    return hasToken
      ? { message: `dataset ${dataset} is gated, and HF_TOKEN's account has no access`, fix: `ask for it at ${page}` }
      : {
          message: `dataset ${dataset} is gated, and HF_TOKEN is not set`,
          fix: `ask for access at ${page}, then set HF_TOKEN to a token of the same account`,
        };
  }
  if (code === "RepoNotFound" || (!hasToken && status === 401)) {
    const fix = hasToken ? "use a token that may read it" : "set HF_TOKEN to a token that may read it";
    return { message: `the Hub has no dataset ${dataset}, or it is private`, fix: `correct dataset, or ${fix}` };
  }
  if (status === 401) return { message: "the Hub does not know the token in HF_TOKEN", fix: "make a new token" };
  return status === 403
    ? { message: `the token in HF_TOKEN may not read dataset ${dataset}`, fix: "use another" }
    : null;
}
