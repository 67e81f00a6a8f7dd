/** A source of rows on loopback: what it answers next is the test's choice. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type RowAnswer = (request: IncomingMessage, response: ServerResponse) => void;

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface RowServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** The next answers, one a request; the last one stays. */
  readonly answer: (...answers: readonly RowAnswer[]) => void;
  readonly close: () => Promise<void>;
}

/** Rows with an ETag that follows from them; 304 where the client has them. */
export function rowsAnswer(text: string): RowAnswer {
  const etag = `"${Buffer.from(text).length}-${[...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) | 0, 7)}"`;
  return (request, response) => {
    if (request.headers["if-none-match"] === etag) response.writeHead(304, { etag }).end();
    else response.writeHead(200, { etag, "content-type": "application/x-ndjson" }).end(text);
  };
}

export async function startRowServer(): Promise<RowServer> {
  let answers: readonly RowAnswer[] = [rowsAnswer("")];
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? "", headers: request.headers });
    const [next, ...rest] = answers;
    if (rest.length > 0) answers = rest;
    next?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answer: (...next) => {
      answers = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
