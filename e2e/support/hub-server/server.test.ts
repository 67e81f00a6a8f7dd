import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import {
  type CommitOperation,
  commit,
  createBranch,
  createRepo,
  deleteRepo,
  downloadFile,
  listFiles,
  repoExists,
  whoAmI,
} from "@huggingface/hub";
import { type HubServer, startHub } from "./server.js";

const repo = "acme/lora";
let hub: HubServer;
let token = "";
before(async () => {
  hub = await startHub();
});
after(() => hub.close());
beforeEach(() => {
  hub.reset();
  hub.objects.partSizeBytes = 0;
  token = hub.tokens.issue({ name: "acme" });
});

const access = () => ({ repo, hubUrl: hub.url, accessToken: token });
const statusOf = (work: Promise<unknown>) =>
  work.then(
    () => 200,
    (error: unknown) => (error as { statusCode?: number }).statusCode ?? 0,
  );
const write = (files: Readonly<Record<string, string | Buffer>>, options: object = {}) =>
  commit({
    ...access(),
    title: "change",
    operations: Object.entries(files).map(
      ([path, content]): CommitOperation => ({
        operation: "addOrUpdate",
        path,
        content: new Blob([typeof content === "string" ? content : new Uint8Array(content)]),
      }),
    ),
    ...options,
  });
const send = (method: string, path: string, body?: object, authorization = `Bearer ${token}`) =>
  fetch(hub.url + path, {
    method,
    headers: { authorization, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

describe("Hub stand-in", () => {
  it("knows who a token is, and makes and deletes repositories", async () => {
    assert.equal((await whoAmI(access())).name, "acme");
    assert.equal(await repoExists(access()), false);
    await createRepo({ ...access(), visibility: "private" });
    assert.equal(await statusOf(createRepo(access())), 409);
    assert.equal(await repoExists(access()), true);
    assert.equal(await repoExists({ repo, hubUrl: hub.url }), false, "private");
    await deleteRepo(access());
    assert.equal(await repoExists(access()), false);
  });

  it("refuses tokens: unknown, read-only, of someone else, for another repository, expired, revoked", async () => {
    await createRepo(access());
    const put = (accessToken: string) => statusOf(write({ "a.txt": "a" }, { accessToken }));
    assert.equal(await put("hf_unknown"), 401);
    assert.equal(await put(hub.tokens.issue({ name: "acme", role: "read" })), 403);
    assert.equal(await put(hub.tokens.issue({ name: "other" })), 403);
    assert.equal(await put(hub.tokens.issue({ name: "member", orgs: ["acme"] })), 200);
    assert.equal(await put(hub.tokens.issue({ name: "acme", resource: "acme/else" })), 403);
    assert.equal(await put(hub.tokens.issue({ name: "acme", expiresAt: Date.now() - 1 })), 401);
    hub.tokens.revoke(token);
    assert.equal(await put(token), 401);
  });

  for (const partSizeBytes of [0, 1000]) {
    it(`keeps files, large ones through LFS ${partSizeBytes > 0 ? "in parts" : "whole"}`, async () => {
      hub.objects.partSizeBytes = partSizeBytes;
      await createRepo(access());
      const weights = randomBytes(2500);
      await write({ "README.md": "# hi\n", "sub/model.safetensors": weights });
      const oid = createHash("sha256").update(weights).digest("hex");
      const files: [string, number, string | undefined][] = [];
      hub.state.pageSize = 2;
      for await (const { path, size, lfs } of listFiles({ ...access(), recursive: true })) {
        files.push([path, size, lfs?.oid]);
      }
      hub.state.pageSize = 1000;
      assert.deepEqual(files.slice(1), [
        ["README.md", 5, undefined],
        ["sub/model.safetensors", 2500, oid],
      ]);
      const got = await downloadFile({ ...access(), path: "sub/model.safetensors" });
      assert.deepEqual(Buffer.from(await (got ?? new Blob([])).arrayBuffer()), weights);
      const pointer = await downloadFile({ ...access(), path: "sub/model.safetensors", raw: true });
      assert.match((await pointer?.text()) ?? "", new RegExp(`oid sha256:${oid}`));
      assert.equal(await downloadFile({ ...access(), path: "none" }), null);
      const parts = hub.log.filter(({ method, path }) => method === "PUT" && path.includes("/part/"));
      assert.equal(parts.length, partSizeBytes > 0 ? 3 : 0);
      // The same bytes again are not sent again.
      hub.calm();
      await write({ "copy.safetensors": weights });
      assert.equal(hub.log.filter(({ method }) => method === "PUT").length, 0);
    });
  }

  it("refuses bytes that are not what their name says", async () => {
    assert.equal((await fetch(`${hub.url}/_lfs/${"0".repeat(64)}`, { method: "PUT", body: "x" })).status, 400);
  });

  it("commits onto the parent that was named only", async () => {
    await createRepo(access());
    const first = (await write({ "a.txt": "a" }))?.commit.oid ?? "";
    await write({ "a.txt": "b" });
    assert.equal(await statusOf(write({ "a.txt": "c" }, { parentCommit: first })), 412);
    const titles = hub.repositories
      .get(repo)
      ?.history("main")
      .map(({ title }) => title);
    assert.deepEqual(titles, ["change", "change", "initial commit"]);
  });

  it("has branches and tags, each once", async () => {
    await createRepo(access());
    const oid = (await write({ "a.txt": "a" }))?.commit.oid;
    await createBranch({ ...access(), branch: "dev" });
    const tag = () => send("POST", `/api/models/${repo}/tag/main`, { tag: "lora@1.0.0" });
    assert.deepEqual([(await tag()).status, (await tag()).status], [200, 409]);
    const refs = (await (await send("GET", `/api/models/${repo}/refs`)).json()) as {
      tags: readonly { name: string; targetCommit: string }[];
    };
    assert.deepEqual(refs.tags, [{ name: "lora@1.0.0", ref: "refs/tags/lora@1.0.0", targetCommit: oid }]);
    const at = await send("GET", `/api/models/${repo}/revision/${encodeURIComponent("lora@1.0.0")}`);
    assert.equal(((await at.json()) as { sha: string }).sha, oid);
    assert.equal((await send("DELETE", `/api/models/${repo}/tag/${encodeURIComponent("lora@1.0.0")}`)).status, 200);
    assert.equal((await tag()).status, 200);
  });

  it("exchanges a workflow's identity for a token of one repository, for an hour", async () => {
    await createRepo(access());
    hub.tokens.trust({ resource: repo, claims: { repository: "acme/rows", workflow: "release" } });
    const exchange = async (claims: Readonly<Record<string, string>>, audience = "https://huggingface.co") => {
      hub.state.claims = claims;
      const identity = await send("GET", `/_actions/id-token?audience=${encodeURIComponent(audience)}`);
      const { value } = (await identity.json()) as { value: string };
      return fetch(`${hub.url}/oauth/token`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
          subject_token: value,
          resource: repo,
        }),
      });
    };
    const right = { repository: "acme/rows", workflow: "release" };
    assert.equal((await exchange({ ...right, workflow: "other" })).status, 403);
    assert.equal((await exchange(right, "https://else.invalid")).status, 400);
    const { access_token: accessToken } = (await (await exchange(right)).json()) as { access_token: string };
    assert.equal(await statusOf(write({ "a.txt": "a" }, { accessToken })), 200);
    assert.equal(await statusOf(createRepo({ ...access(), repo: "acme/new", accessToken })), 403);
    hub.tokens.expireExchanged();
    assert.equal(await statusOf(write({ "a.txt": "b" }, { accessToken })), 401);
  });

  it("fails at the request with the number that was asked for", async () => {
    hub.calm();
    await createRepo(access());
    hub.fail({ at: 3, answer: 429, headers: { ratelimit: '"api";r=0;t=2' } });
    assert.equal((await send("GET", "/api/whoami-v2")).status, 200);
    const limited = await send("GET", "/api/whoami-v2");
    assert.deepEqual([limited.status, limited.headers.get("ratelimit")], [429, '"api";r=0;t=2']);
    hub.fail({ at: 4, answer: "cut-after" });
    await assert.rejects(write({ "a.txt": "a" }));
    hub.fail({ at: 1, match: /\/commit\//, answer: "cut-after" });
    await assert.rejects(write({ "a.txt": "a" }));
    const history = hub.repositories.get(repo)?.history("main") ?? [];
    assert.deepEqual([hub.log.map(({ status }) => status).includes(0), history.length], [true, 2]);
    assert.equal(hub.injected(), 3);
  });
});
