/**
 * Who we are to the Hub: a token from `HF_TOKEN`, or the identity of the GitHub workflow that we run in, exchanged for a
 * token that can write to one repository for an hour. Neither is ever printed.
 * @see https://huggingface.co/docs/hub/trusted-publishers
 */
import { GituneError } from "@gitune/core";

/** Gives the token for the next request. */
export interface Credentials {
  /** Null asks without one. */
  token(): Promise<string | null>;
  /** The Hub did not take the token. @returns whether there is another one now */
  renew(): Promise<boolean>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the Hub wants as the audience of an identity token, whatever endpoint is asked. */
const AUDIENCE = "https://huggingface.co";
/** Before its end by this much a token is exchanged anew: an upload may take long. */
const MARGIN_MS = 5 * 60_000;

/**
 * @param resource the Hub repository that is written to, `owner/name`
 * @param send `fetch`, with the retries of requests that may be repeated
 * @returns null where the environment has neither
 */
export function findCredentials(
  env: Environment,
  options: { readonly endpoint: string; readonly resource: string; readonly send: typeof fetch },
): Credentials | null {
  const token = env["HF_TOKEN"];
  if (token) return { token: async () => token, renew: async () => false };
  const [url, secret] = [env["ACTIONS_ID_TOKEN_REQUEST_URL"], env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]];
  if (!url || !secret) return null;
  return new WorkflowIdentity({ ...options, resource: env["HF_OIDC_RESOURCE"] || options.resource, url, secret });
}

/** What to do where there are none. */
export function noCredentials(): GituneError {
  return new GituneError({
    code: "hub.credentials",
    severity: "error",
    message: "there is no token for the Hub",
    expected: "HF_TOKEN, or a GitHub workflow with `permissions: id-token: write` that the Hub repository trusts",
    fix: "set HF_TOKEN to a token that may write (https://huggingface.co/settings/tokens), or add a trusted publisher",
  });
}

interface IdentityOptions {
  readonly endpoint: string;
  readonly resource: string;
  readonly url: string;
  readonly secret: string;
  readonly send: typeof fetch;
}

class WorkflowIdentity implements Credentials {
  readonly #options: IdentityOptions;
  #token: { readonly value: string; readonly expiresAt: number } | null = null;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  async token(): Promise<string> {
    if (this.#token === null || this.#token.expiresAt - MARGIN_MS <= Date.now()) this.#token = await this.#exchange();
    return this.#token.value;
  }

  async renew(): Promise<boolean> {
    this.#token = await this.#exchange();
    return true;
  }

  async #exchange() {
    const { endpoint, resource, url, secret, send } = this.#options;
    const identityUrl = new URL(url);
    identityUrl.searchParams.set("audience", AUDIENCE);
    const identity = await readJson(
      await send(identityUrl, { headers: { authorization: `Bearer ${secret}` } }),
      "GitHub gave no identity token",
    );
    const answer = await readJson(
      await send(`${endpoint}/oauth/token`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
          subject_token: identity["value"],
          resource,
        }),
      }),
      `the Hub does not trust this workflow to write to ${resource}`,
    );
    const { access_token: value, expires_in: seconds } = answer;
    if (typeof value !== "string") throw refused("the Hub's answer to the exchange has no token");
    return { value, expiresAt: Date.now() + (typeof seconds === "number" ? seconds : 3600) * 1000 };
  }
}

/** The body is read only where it is an answer: an error's may repeat what was sent. */
async function readJson(response: Response, problem: string): Promise<Readonly<Record<string, unknown>>> {
  if (!response.ok) throw refused(`${problem} (status ${response.status})`);
  return (await response.json()) as Record<string, unknown>;
}

function refused(message: string): GituneError {
  const fix =
    "give the job `permissions: id-token: write`, and add a trusted publisher with the claims repository and workflow to the " +
    "Hub repository's settings; the first creation of a repository needs HF_TOKEN";
  return new GituneError({ code: "hub.refused", severity: "error", message, fix }, { exitCode: 3 });
}
