import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { artifactClient } from "./artifact-client.js";

test("an artifact that GitHub does not finish has not been sent", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gitune-artifact-"));
  writeFileSync(join(folder, "a.txt"), "a");
  let isFinished = false;
  const server = createServer((request, response) => {
    request.resume();
    const { port } = server.address() as AddressInfo;
    const isLast = request.url?.endsWith("/FinalizeArtifact") === true;
    const answer = { ok: !isLast || isFinished, signed_upload_url: `http://127.0.0.1:${port}/blob` };
    request.on("end", () => response.end(JSON.stringify(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const claims = Buffer.from(JSON.stringify({ scp: "Actions.Results:run:job" })).toString("base64url");
    const resultsUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const client = artifactClient({ token: `a.${claims}.b`, resultsUrl });
    const upload = () => client.upload("one", [join(folder, "a.txt")], folder);
    await assert.rejects(upload, /FinalizeArtifact of an artifact: GitHub refused/);
    isFinished = true;
    await upload();
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
