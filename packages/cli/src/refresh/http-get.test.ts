/** Against real servers on loopback, among them some that no library would let one write. */
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { GituneError } from "@gitune/core";
import { isPublicAddress } from "./addresses.js";
import { type HttpCall, httpGet } from "./http-get.js";

async function listen(t: TestContext, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    if ("closeAllConnections" in server) (server as unknown as { closeAllConnections(): void }).closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (t: TestContext, listener: RequestListener) => listen(t, createServer(listener));

/** Bytes as they are, whatever HTTP says to them. */
const serveBytes = (t: TestContext, text: string) =>
  listen(
    t,
    createSocketServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(text));
    }),
  );

function get(url: string, more: Partial<HttpCall> = {}) {
  const signal = new AbortController().signal;
  return httpGet({
    url,
    token: null,
    etag: null,
    timeoutMs: 20_000,
    maxBytes: 1000,
    signal,
    explain: () => null,
    ...more,
  });
}

const fails = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof GituneError &&
  error.exitCode === 3 &&
  error.issues[0]?.code === code &&
  words.test(error.issues[0].message);

test("content with its ETag; 304 is unchanged; a token goes with it", async (t) => {
  const seen: (string | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    if (request.headers["if-none-match"] === '"1"') response.writeHead(304).end();
    else response.writeHead(200, { etag: '"1"' }).end("rows");
  });
  const answer = await get(url, { token: "t0ken" });
  assert.deepEqual(answer, { kind: "content", bytes: Buffer.from("rows"), etag: '"1"' });
  assert.deepEqual(await get(url, { etag: '"1"' }), { kind: "unchanged" });
  assert.deepEqual(seen, ["Bearer t0ken", undefined]);
});

test("an ETag that is none is not kept", async (t) => {
  const url = await serve(t, (_, response) => response.writeHead(200, { etag: `"${"x".repeat(500)}"` }).end());
  assert.deepEqual(await get(url), { kind: "content", bytes: Buffer.alloc(0), etag: null });
});

test("what may pass is asked again: 503, 429, a cut connection, half an answer", async (t) => {
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(503).end(),
    (request) => request.socket.destroy(),
    (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    },
    (_, response) => response.writeHead(200).end("whole"),
  ];
  const url = await serve(t, (request, response) => answers.shift()?.(request, response));
  assert.deepEqual(await get(url), { kind: "content", bytes: Buffer.from("whole"), etag: null });
  let asked = 0;
  const busy = await serve(t, (_, response) => {
    asked += 1;
    response.writeHead(429, { "retry-after": "3600" }).end();
  });
  await assert.rejects(get(busy), fails("refresh.source", /429/));
  assert.equal(asked, 1, "an hour is not waited for");
});

test("what will not pass is not asked again", async (t) => {
  let asked = 0;
  const url = await serve(t, (_, response) => {
    asked += 1;
    response.writeHead(404).end("x");
  });
  await assert.rejects(get(url), fails("refresh.source", /404/));
  assert.equal(asked, 1);
});

test("one that hangs ends with its time: before the answer, and within it", async (t) => {
  const silent = await serve(t, () => undefined);
  await assert.rejects(get(silent, { timeoutMs: 200 }), fails("refresh.source", /0.2 s/));
  const slow = await serve(t, (_, response) => {
    response.writeHead(200);
    response.write("x");
  });
  await assert.rejects(get(slow, { timeoutMs: 200 }), fails("refresh.source", /0.2 s/));
});

test("too much is refused: by its own word, and whatever its word is", async (t) => {
  const honest = await serve(t, (_, response) => response.writeHead(200, { "content-length": "1001" }).end());
  await assert.rejects(get(honest), fails("refresh.source", /1000 bytes/));
  const endless = await serve(t, (_, response) => {
    response.writeHead(200);
    const more = () => response.write("x".repeat(400), () => setImmediate(more));
    more();
  });
  await assert.rejects(get(endless), fails("refresh.source", /1000 bytes/));
  const liar = await serveBytes(t, `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrows${"x".repeat(5000)}`);
  const answer = await get(liar);
  assert.equal(answer.kind === "content" && answer.bytes.toString(), "rows", "what is beyond its word is not read");
});

test("an abort is an abort", async (t) => {
  const url = await serve(t, () => undefined);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(get(url, { signal: abort.signal }), { name: "AbortError" });
});

test("redirects: on the same server yes; to files, inner addresses and plain http no", async (t) => {
  const tokens: (string | undefined)[] = [];
  const same = await serve(t, (request, response) => {
    tokens.push(request.headers.authorization);
    if (request.url === "/a") response.writeHead(302, { location: "/b" }).end();
    else response.writeHead(200).end("rows");
  });
  assert.equal((await get(`${same}/a`, { token: "t0ken" })).kind, "content");
  assert.deepEqual(tokens, ["Bearer t0ken", "Bearer t0ken"]);

  let reached = 0;
  const inner = await serve(t, (_, response) => {
    reached += 1;
    response.end("inner");
  });
  const targets = [
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "http://example.com/",
    "https://10.0.0.1/",
    "https://127.0.0.1:1/",
    "https://2130706433/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://localhost/",
    "https://u:p@example.com/",
    "data:text/plain,x",
    "https://",
    inner,
  ];
  for (const location of targets) {
    const url = await serve(t, (_, response) => response.writeHead(302, { location }).end());
    await assert.rejects(get(url), fails("refresh.address", /not allowed/), location);
  }
  assert.equal(reached, 0);
  const loop = await serve(t, (_, response) => response.writeHead(302, { location: "/again" }).end());
  await assert.rejects(get(loop), fails("refresh.source", /redirects/));
});

test("inner addresses are known in all their forms", () => {
  const inner = ["10.1.2.3", "172.31.0.1", "192.168.0.1", "127.9.9.9", "0.0.0.0", "100.64.0.1", "224.0.0.1"];
  for (const address of [...inner, "::1", "::", "fe80::1", "fd00::1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "x"])
    assert.equal(isPublicAddress(address), false, address);
  for (const address of ["8.8.8.8", "172.32.0.1", "2606:4700::1111"]) assert.equal(isPublicAddress(address), true);
});
