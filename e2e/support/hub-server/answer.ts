/** What a route answers, and how it refuses. */

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function jsonAnswer(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Answer {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { "content-type": "application/json; charset=utf-8", ...headers }, body };
}

/** The Hub's way to say no: a status, a text, and for what is missing an `X-Error-Code`. */
export class HubRefusal extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  toAnswer(): Answer {
    const headers = {
      "x-error-message": this.message.replace(/[^\x20-\x7e]/g, " "),
      ...(this.code === undefined ? {} : { "x-error-code": this.code }),
    };
    return jsonAnswer({ error: this.message }, headers, this.status);
  }
}
