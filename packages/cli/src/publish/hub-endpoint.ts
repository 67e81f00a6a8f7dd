/** The Hub in use, and what its refusals of a read mean. */
import { type Issue, isLoopback } from "@gitune/core";

const DEFAULT_ENDPOINT = "https://huggingface.co";

/** `HF_ENDPOINT`, as huggingface_hub reads it. @returns null where that is no https address, nor http on loopback */
export function hubEndpoint(env: Readonly<Record<string, string | undefined>>): string | null {
  const endpoint = env["HF_ENDPOINT"] || DEFAULT_ENDPOINT;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  return isSafe ? endpoint.replace(/\/+$/, "") : null;
}

/** What was asked for. */
export interface Asked {
  /** As messages call it. */
  readonly kind: "dataset" | "model";
  readonly id: string;
  readonly revision: string;
  /** Null where all of the commit was asked for. */
  readonly file: string | null;
  /** The repository's page. */
  readonly page: string;
  /** The config's key of the id. */
  readonly key: string;
}

/**
 * What a refusal means.
 * @param code the header `X-Error-Code`: the Hub's own word, since its 401 says gated, private and not there alike
 * @returns null where it says nothing that the status does not; `isConfig` where no token would help
 */
export function readRefusal(
  { kind, id, revision, file, page, key }: Asked,
  { hasToken, status, code }: { readonly hasToken: boolean; readonly status: number; readonly code: string },
): (Pick<Issue, "message" | "fix"> & { readonly isConfig: boolean; readonly isRevision?: boolean }) | null {
  if (code === "EntryNotFound") {
    return { isConfig: true, message: `${kind} ${id} has no ${file} at ${revision}`, fix: "correct file" };
  }
  if (code === "RevisionNotFound") {
    return { isConfig: true, isRevision: true, message: `${kind} ${id} has no ${revision}`, fix: "correct revision" };
  }
  if (code === "GatedRepo") {
    return hasToken
      ? {
          isConfig: false,
          message: `${kind} ${id} is gated, and HF_TOKEN's account has no access`,
          fix: `ask for it at ${page}`,
        }
      : {
          isConfig: false,
          message: `${kind} ${id} is gated, and HF_TOKEN is not set`,
          fix: `ask for access at ${page}, then set HF_TOKEN to a token of the same account`,
        };
  }
  if (code === "RepoNotFound" || (!hasToken && status === 401)) {
    const fix = hasToken ? "use a token that may read it" : "set HF_TOKEN to a token that may read it";
    const message = `the Hub has no ${kind} ${id}, or it is private`;
    return { isConfig: true, message, fix: `correct ${key}, or ${fix}` };
  }
  if (status === 401) {
    return { isConfig: false, message: "the Hub does not know the token in HF_TOKEN", fix: "make a new token" };
  }
  return status === 403
    ? { isConfig: false, message: `the token in HF_TOKEN may not read ${kind} ${id}`, fix: "use another" }
    : null;
}
