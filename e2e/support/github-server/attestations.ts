/** Attestations as GitHub keeps them; emulate knows none. What is in them is not looked at, as no signature is made here. */
import type { Request } from "./mends.js";
import { type Answer, jsonAnswer } from "./upstream.js";

export interface Attestation {
  /** `owner/name` */
  readonly repository: string;
  /** Of each subject, `sha256:<hex>`. */
  readonly digests: readonly string[];
}

interface Statement {
  readonly subject: readonly { readonly digest: { readonly sha256: string } }[];
}

export class Attestations {
  readonly #all: (Attestation & { readonly bundle: unknown })[] = [];

  get all(): readonly Attestation[] {
    return this.#all;
  }

  clear(): void {
    this.#all.length = 0;
  }

  /** @returns undefined for a request of something else */
  answer({ method, path, json }: Request): Answer | undefined {
    const [, repository, digest] = /^\/repos\/([^/]+\/[^/]+)\/attestations(?:\/([^/]+))?$/.exec(path) ?? [];
    if (repository === undefined) return undefined;
    if (digest === undefined) return method === "POST" ? this.#add(repository, json) : undefined;
    const asked = decodeURIComponent(digest);
    const found = this.#all.filter((one) => one.repository === repository && one.digests.includes(asked));
    if (found.length === 0) return jsonAnswer(404, { message: "Not Found" });
    return jsonAnswer(200, { attestations: found.map(({ bundle }) => ({ bundle })) });
  }

  #add(repository: string, json: Request["json"]): Answer {
    const bundle = json?.["bundle"] as { readonly dsseEnvelope: { readonly payload: string } } | undefined;
    if (bundle === undefined) return jsonAnswer(422, { message: "Validation Failed" });
    const { subject } = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, "base64").toString()) as Statement;
    this.#all.push({ repository, digests: subject.map(({ digest }) => `sha256:${digest.sha256}`), bundle });
    return jsonAnswer(201, { id: this.#all.length });
  }
}
