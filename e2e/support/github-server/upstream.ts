/** emulate's own server, asked as one of its users. */

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** Headers of one connection, which mean nothing on the next. */
const HOP_BY_HOP = new Set(["content-length", "transfer-encoding", "connection", "content-encoding", "keep-alive"]);

/** Asks emulate; addresses of its own in the answer become ours. */
export class Upstream {
  readonly #url: string;
  readonly #ownUrl: () => string;
  readonly authorization: string;

  constructor(url: string, ownUrl: () => string, authorization: string) {
    this.#url = url;
    this.#ownUrl = ownUrl;
    this.authorization = authorization;
  }

  async send(method: string, path: string, body?: Buffer, contentType = "application/json"): Promise<Answer> {
    const hasBody = body !== undefined && body.length > 0 && method !== "GET" && method !== "HEAD";
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: this.authorization, ...(hasBody ? { "content-type": contentType } : {}) },
      redirect: "manual",
      ...(hasBody ? { body: new Uint8Array(body) } : {}),
    });
    const headers: Record<string, string> = {};
    for (const [name, value] of response.headers) {
      if (!HOP_BY_HOP.has(name)) headers[name] = value.replaceAll(this.#url, this.#ownUrl());
    }
    let bytes: Buffer = Buffer.from(await response.arrayBuffer());
    if (headers["content-type"]?.includes("json")) {
      bytes = Buffer.from(bytes.toString("utf8").replaceAll(this.#url, this.#ownUrl()));
    }
    return { status: response.status, headers, body: bytes };
  }

  async get(path: string): Promise<{ readonly status: number; readonly json: unknown }> {
    const { status, body } = await this.send("GET", path);
    return { status, json: body.length > 0 ? JSON.parse(body.toString("utf8")) : null };
  }
}

export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: Buffer.from(JSON.stringify(value)),
  };
}
