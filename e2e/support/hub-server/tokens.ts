/**
 * Who a token is, what it may do and until when; and the exchange of a GitHub workflow's identity for one.
 * @see https://huggingface.co/docs/hub/trusted-publishers
 */
import { createHmac, randomUUID } from "node:crypto";
import { HubRefusal } from "./answer.js";

export type Role = "read" | "write";

export interface Token {
  readonly name: string;
  readonly role: Role;
  readonly orgs: readonly string[];
  /** The only repository that it may write to; null is any of the user's and the organisations'. */
  readonly resource: string | null;
  /** Milliseconds since 1970; null is never. */
  readonly expiresAt: number | null;
}

/** A repository's trusted publisher: claims that must be equal, one by one. */
export interface TrustedPublisher {
  readonly resource: string;
  readonly claims: Readonly<Record<string, string>>;
}

const AUDIENCE = "https://huggingface.co";
/** The Hub's tokens of an exchange live for an hour, GitHub's identity tokens for a few minutes. */
const EXCHANGED_MS = 3600_000;
const IDENTITY_MS = 300_000;

export class Tokens {
  readonly #tokens = new Map<string, Token>();
  readonly #publishers: TrustedPublisher[] = [];
  readonly #secret = randomUUID();
  /** The double's clock, so that an hour can pass in a test. */
  now: () => number = Date.now;
  exchanges = 0;
  /** All that was ever given out: tokens, and identities that one can be had for. */
  readonly issued: string[] = [];

  issue(token: Partial<Token> & Pick<Token, "name">): string {
    const secret = `hf_${randomUUID().replaceAll("-", "")}`;
    this.issued.push(secret);
    this.#tokens.set(secret, { role: "write", orgs: [], resource: null, expiresAt: null, ...token });
    return secret;
  }

  revoke(secret: string): void {
    this.#tokens.delete(secret);
  }

  /** Every token of an exchange is past its hour. */
  expireExchanged(): void {
    for (const [secret, token] of this.#tokens) {
      if (token.expiresAt !== null) this.#tokens.set(secret, { ...token, expiresAt: 0 });
    }
  }

  trust(publisher: TrustedPublisher): void {
    this.#publishers.push(publisher);
  }

  /** @returns null for a request without a token */
  find(authorization: string | undefined): Token | null {
    const secret = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
    if (secret === undefined) return null;
    const token = this.#tokens.get(secret);
    if (!token || (token.expiresAt !== null && token.expiresAt <= this.now())) {
      throw new HubRefusal(401, "Invalid credentials in Authorization header");
    }
    return token;
  }

  /** What GitHub's runner answers at ACTIONS_ID_TOKEN_REQUEST_URL. */
  identity(claims: Readonly<Record<string, string>>, audience: string): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const exp = Math.floor((this.now() + IDENTITY_MS) / 1000);
    const signed = `${part({ alg: "HS256" })}.${part({ ...claims, aud: audience, exp })}`;
    const token = `${signed}.${this.#sign(signed)}`;
    this.issued.push(token);
    return token;
  }

  /** `POST /oauth/token` (RFC 8693). */
  exchange(request: Readonly<Record<string, unknown>>): object {
    this.exchanges += 1;
    const { grant_type: grant, subject_token_type: type, subject_token: subject, resource } = request;
    if (
      grant !== "urn:ietf:params:oauth:grant-type:token-exchange" ||
      type !== "urn:ietf:params:oauth:token-type:id_token" ||
      typeof subject !== "string"
    ) {
      throw new HubRefusal(400, "invalid_request");
    }
    const claims = this.#verify(subject);
    const publisher = this.#publishers.find(
      (one) => one.resource === resource && Object.entries(one.claims).every(([name, value]) => claims[name] === value),
    );
    if (!publisher) throw new HubRefusal(403, "invalid_grant: no trusted publisher matches the claims of this token");
    const [name = ""] = publisher.resource.split("/");
    const secret = this.issue({ name, resource: publisher.resource, expiresAt: this.now() + EXCHANGED_MS });
    return { access_token: secret, token_type: "bearer", expires_in: EXCHANGED_MS / 1000 };
  }

  #verify(token: string): Readonly<Record<string, unknown>> {
    const at = token.lastIndexOf(".");
    const signed = token.slice(0, at);
    if (at < 0 || this.#sign(signed) !== token.slice(at + 1)) throw new HubRefusal(400, "invalid_request: signature");
    const claims = JSON.parse(Buffer.from(signed.split(".")[1] ?? "", "base64url").toString()) as Record<
      string,
      unknown
    >;
    if (claims["aud"] !== AUDIENCE) throw new HubRefusal(400, "invalid_request: audience");
    if (Number(claims["exp"]) * 1000 <= this.now()) throw new HubRefusal(400, "invalid_request: expired");
    return claims;
  }

  #sign(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest("base64url");
  }
}
