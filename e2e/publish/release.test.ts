/** Releases from a tag to the Hub: real training, gate, adapter and texts, against the stand-in on loopback. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { GituneError, Store } from "@gitune/core";
import { type PublishDocument, runPublish } from "gitune";
import { parse } from "yaml";
import type { HubServer } from "../support/hub-server/server.js";
import { onEmptyStage, publishContext, publishWorld, workflowIdentity } from "../support/publish-world.js";
import { type ConfigParts, HUB_BASE, HUB_NAME, NEVER, type ReleaseRepository } from "../support/release-repository.js";

let hub: HubServer;
let repository: ReleaseRepository;
let token = "";
onEmptyStage((stage) => {
  ({ hub, repository, token } = stage);
});

const ours = () => publishWorld(hub, token);
const publish = (typed?: string, { dryRun = false, stored = false, world = ours() } = {}): Promise<PublishDocument> =>
  runPublish(typed, { dryRun, stored, prompts: 2, sleep: world.sleep }, publishContext(repository.root, world.env));
const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => assert.fail("it was published"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof GituneError, String(error));
  const [issue] = error.issues;
  return { exitCode: error.exitCode, code: error.issues.at(-1)?.code, text: JSON.stringify(issue) };
};
const release = (parts: ConfigParts) => repository.release(parts);
const there = () => hub.repositories.get(HUB_NAME);
const textOf = (path: string, revision = "main") => there()?.at(revision).files.get(path)?.bytes.toString() ?? "";
const titles = () => (there()?.history("main") ?? []).map(({ title }) => title);

/** Watches what the store is asked for, in turn. @param instead the key to answer for in place of the one at a position */
function storeKeys(instead?: (method: "getFolder" | "getJson", at: number) => string | undefined) {
  const { getFolder, getJson } = Store.prototype;
  const keys = { getFolder: [] as string[], getJson: [] as string[] };
  const watch = (method: keyof typeof keys, key: string) => {
    const at = keys[method].push(key) - 1;
    return instead?.(method, at) ?? key;
  };
  Object.assign(Store.prototype, {
    getFolder(this: Store, key: string) {
      return getFolder.call(this, watch("getFolder", key));
    },
    getJson(this: Store, key: string) {
      return getJson.call(this, watch("getJson", key));
    },
  });
  return { keys, restore: () => Object.assign(Store.prototype, { getFolder, getJson }) };
}

describe("publish", () => {
  it("brings a release to the Hub, whole and tagged; again changes nothing", async () => {
    const tag = release({ version: "1.0.0" });
    const done = await publish(tag);
    assert.deepEqual([done.status, done.verdict, done.compared_with, done.prompts], ["published", "pass", null, 2]);
    assert.equal(there()?.isPrivate, true);
    assert.deepEqual(titles(), [`Release ${tag}`, "initial commit"]);
    assert.deepEqual([...(there()?.tags ?? [])], [[tag, there()?.branches.get("main")]]);
    const weights = there()?.at(tag).files.get("adapter_model.safetensors");
    assert.equal(weights?.lfs?.oid, done.adapter.sha256);

    const config = JSON.parse(textOf("adapter_config.json", tag)) as Record<string, unknown>;
    assert.deepEqual([config["base_model_name_or_path"], config["revision"]], [HUB_BASE.id, HUB_BASE.revision]);
    const statement = JSON.parse(textOf("gitune.provenance.json", tag)) as { subject: readonly { digest: object }[] };
    assert.deepEqual(statement.subject[0]?.digest, { sha256: done.adapter.sha256 });

    hub.calm();
    assert.equal((await publish(tag)).status, "already");
    assert.equal(
      hub.log.every(({ method }) => method === "GET"),
      true,
    );
  });

  it("says whether the base on the Hub is the one that was trained on", async () => {
    const tag = release({ version: "1.0.0" });
    const found = async () =>
      (await publish(tag, { dryRun: true })).issues.map(({ code, severity }) => [code, severity]);
    // Its rank is 2, which TGI pads.
    const lint = ["publish.serving", "warning"];
    assert.deepEqual(await found(), [lint, ["publish.base", "warning"]], "it cannot be read");
    const weights = readFileSync(join(repository.root, "models/tiny/model.safetensors"));
    hub.addModel(HUB_BASE.id, HUB_BASE.revision, { "model.safetensors": weights });
    assert.deepEqual(await found(), [lint]);
    hub.addModel(HUB_BASE.id, HUB_BASE.revision, { "model.safetensors": weights.subarray(1) });
    const { exitCode, code, text } = await refusal(publish(tag));
    assert.deepEqual([exitCode, code, hub.repositories.has(HUB_NAME)], [2, "publish.base", false]);
    assert.match(text, /not what the adapter was trained on/);
  });

  it("writes a card in which nothing is left to fill in", async () => {
    const tag = release({ version: "1.0.0" });
    await publish(tag);
    const card = textOf("README.md");
    assert.doesNotMatch(card, /more information needed|\btodo\b|\btbd\b|undefined|\bnull\b|\bNaN\b|\[object/i);
    const front = parse(card.split("---\n")[1] ?? "") as Record<string, unknown>;
    assert.deepEqual(
      [front["base_model"], front["base_model_relation"], front["library_name"], front["license"], front["language"]],
      [HUB_BASE.id, "adapter", "peft", "cc-by-4.0", ["en"]],
    );
    const [index] = front["model-index"] as readonly { results: readonly { metrics: readonly { type: string }[] }[] }[];
    assert.deepEqual(
      index?.results[0]?.metrics.map(({ type }) => type),
      ["exact_match", "rougeL"],
    );
    for (const heading of ["Use", "Data", "Evaluation", "Known regressions", "Limits", "Provenance"]) {
      assert.match(card, new RegExp(`^## ${heading}$`, "m"));
    }
    assert.match(card, /PeftModel\.from_pretrained\(base, "acme\/colours-lora", revision="colours@1\.0\.0"\)/);
    assert.match(card, /--max-lora-rank 8 /);
    assert.match(card, /rougeL\\\|f1\\\|/);
  });

  it("escapes what a config says", async () => {
    const description =
      "a | b --- <script>alert(1)</script> @octo [x](http://e.invalid) " +
      "$" +
      "{{ secrets.HF_TOKEN }}\n---\nlicense: x";
    await publish(release({ version: "1.0.0", description }));
    const card = textOf("README.md");
    assert.doesNotMatch(card, /<script>|@octo|[^\\]\]\(http:|^license: x$|\$\{\{/m);
    assert.equal((parse(card.split("---\n")[1] ?? "") as { license: string }).license, "cc-by-4.0");
  });

  it("compares a release with the one before it; one that changes its card alone with the bare base", async () => {
    const first = release({ version: "1.0.0" });
    await publish(first);
    const second = await publish(release({ version: "1.1.0", seed: 7 }));
    assert.equal(second.compared_with, first);
    assert.match(textOf("README.md"), new RegExp(`\\| base alone \\| .${first}. \\| this \\|`));
    const third = await publish(release({ version: "1.1.1", seed: 7, description: "Said better." }));
    assert.deepEqual([third.compared_with, third.adapter.sha256], [null, second.adapter.sha256]);
    assert.deepEqual([...(there()?.tags.keys() ?? [])], ["colours@1.0.0", "colours@1.1.0", "colours@1.1.1"]);
  });

  it("publishes nothing that the gate refuses, gated before or not", async () => {
    const tag = release({ version: "1.0.0", rule: NEVER });
    assert.deepEqual(await refusal(publish(tag)).then(({ exitCode, code }) => [exitCode, code]), [1, "publish.gate"]);
    assert.deepEqual([hub.repositories.size, hub.log.length], [0, 0]);
  });

  it("with --stored takes a verdict that is there, and trains nothing for one that is not", async () => {
    const tag = release({ version: "1.0.0", seed: 99 });
    const { exitCode, code, text } = await refusal(publish(tag, { stored: true }));
    assert.deepEqual([exitCode, code], [1, "publish.unjudged"]);
    assert.match(text, /no verdict/);
    await publish(tag, { dryRun: true });
    assert.equal((await publish(tag, { stored: true })).status, "published");
  });

  it("says what is wrong with a tag or a config before anything is trained", async () => {
    const codeOf = async (work: Promise<unknown>) => {
      const { exitCode, code } = await refusal(work);
      return [exitCode, code];
    };
    assert.deepEqual(await codeOf(publish("colours@1")), [2, "publish.tag"]);
    assert.deepEqual(await codeOf(publish("colours@1.0.0")), [2, "publish.tag"], "no such tag");
    assert.deepEqual(await codeOf(publish("colors@1.0.0")), [2, "publish.tag"]);
    release({ version: "1.0.0" });
    repository.git("tag", "colours@2.0.0");
    assert.deepEqual(await codeOf(publish("colours@2.0.0")), [2, "publish.tag"], "another version");
    const noBase = release({ version: "1.0.1", publish: `{ hub: ${HUB_NAME} }` });
    assert.deepEqual(await codeOf(publish(noBase)), [2, "publish.base"]);
    assert.equal(hub.log.length, 0);
  });

  it("publishes what a GPU has made from a machine without one", async () => {
    const parts = { version: "1.0.0", seed: 11 };
    const made = storeKeys();
    await publish(release(parts), { dryRun: true });
    made.restore();
    repository.deleteTags();
    // A store that a GPU's runner has filled: under the keys of that device is what the CPU made here.
    const asked = storeKeys((method, at) => made.keys[method][at]);
    try {
      assert.equal((await publish(release({ ...parts, device: "cuda" }), { stored: true })).status, "published");
    } finally {
      asked.restore();
    }
    assert.notDeepEqual(asked.keys.getFolder, made.keys.getFolder);
  });

  it("takes the tag that was pushed", async () => {
    const tag = release({ version: "1.0.0" });
    const world = publishWorld(hub, token, { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: tag });
    assert.equal((await publish(undefined, { world })).tag, tag);
  });

  it("never changes a published version: a tag that was moved is refused", async () => {
    const tag = release({ version: "1.0.0" });
    await publish(tag);
    const before = there()?.branches.get("main");
    repository.git("tag", "--delete", tag);
    release({ version: "1.0.0", seed: 7 });
    const { exitCode, code, text } = await refusal(publish(tag));
    assert.deepEqual([exitCode, code], [2, "publish.conflict"]);
    assert.match(text, /bump version/);
    assert.equal(there()?.branches.get("main"), before);
  });

  it("does not put an older version over a newer one", async () => {
    const old = release({ version: "1.0.0" });
    await publish(release({ version: "1.1.0" }));
    assert.deepEqual((await refusal(publish(old))).code, "publish.older");
  });

  it("says what it would do, and changes nothing, with --dry-run; also before there is a tag", async () => {
    repository.git("tag", "--delete", release({ version: "1.0.0" }));
    const first = await publish("colours", { dryRun: true });
    assert.deepEqual([first.status, first.plan?.repository, hub.repositories.size], ["dry-run", "create", 0]);
    assert.match(readFileSync(join(repository.root, first.adapter.path, "README.md"), "utf8"), /^# colours 1\.0\.0$/m);
    repository.git("tag", "colours@1.0.0");
    await publish("colours@1.0.0");
    hub.calm();
    const second = await publish("colours", { dryRun: true });
    assert.equal(second.plan?.isPublished, true);
    assert.equal(second.plan?.files.filter(({ change }) => change === "same").length, second.files.length);
    assert.equal(
      hub.log.every(({ method }) => method === "GET"),
      true,
    );
  });

  it("makes a public repository where the config says so, and uploads large files in parts", async () => {
    hub.objects.partSizeBytes = 1000;
    const to = `{ hub: ${HUB_NAME}, private: false, base: ${HUB_BASE.id}, revision: "${HUB_BASE.revision}" }`;
    const done = await publish(release({ version: "1.0.0", publish: to }));
    assert.deepEqual([done.status, there()?.isPrivate], ["published", false]);
    assert.ok(hub.log.filter(({ path }) => path.includes("/part/")).length > 1);
  });
});

describe("who publishes", () => {
  it("a workflow, by its identity, where the repository is there; its first creation needs a token", async () => {
    hub.tokens.trust({ resource: HUB_NAME, claims: { repository: "acme/rows" } });
    hub.state.claims = { repository: "acme/rows", ref: "refs/tags/colours@1.0.0" };
    const world = () => publishWorld(hub, null, workflowIdentity(hub));
    const first = release({ version: "1.0.0" });
    const { exitCode, text } = await refusal(publish(first, { world: world() }));
    assert.equal(exitCode, 3);
    assert.match(text, /create it/);
    await publish(first);
    const second = await publish(release({ version: "1.1.0" }), { world: world() });
    assert.equal(second.status, "published");

    hub.state.claims = { repository: "acme/fork" };
    const stranger = await refusal(publish(release({ version: "1.2.0" }), { world: world() }));
    assert.deepEqual([stranger.exitCode, stranger.code], [3, "hub.refused"]);
    assert.match(stranger.text, /trusted publisher/);
  });

  it("a workflow whose token's hour is over while it publishes gets another one", async () => {
    await publish(release({ version: "1.0.0" }));
    hub.tokens.trust({ resource: HUB_NAME, claims: {} });
    const tag = release({ version: "1.1.0" });
    for (const match of [/\/preupload\//, /\/commit\//, /\/resolve\//, /\/tag\//]) {
      hub.calm();
      const before = hub.tokens.exchanges;
      hub.fail({ match, answer: 401, before: () => hub.tokens.expireExchanged() });
      await publish(tag, { world: publishWorld(hub, null, workflowIdentity(hub)) });
      assert.equal(hub.tokens.exchanges, before + 2, String(match));
      there()?.tags.delete(tag);
      there()?.commit("main", "undo", there()?.at("colours@1.0.0").files ?? new Map());
    }
  });

  it("nobody without a token, with one that may only read, or with one that was revoked; none is ever shown", async () => {
    const tag = release({ version: "1.0.0" });
    assert.deepEqual((await refusal(publish(tag, { world: publishWorld(hub, null) }))).code, "hub.credentials");
    const reader = hub.tokens.issue({ name: "acme", role: "read" });
    const other = hub.tokens.issue({ name: "acme" });
    hub.tokens.revoke(other);
    for (const secret of [reader, other]) {
      const { exitCode, code, text } = await refusal(publish(tag, { world: publishWorld(hub, secret) }));
      assert.deepEqual([exitCode, code], [3, "hub.refused"]);
      assert.equal(text.includes(secret), false);
    }
    assert.equal(hub.repositories.size, 0);
    // In the middle of it: nothing half is tagged, and with another token it goes on.
    hub.fail({ match: /\/commit\//, answer: 401, times: 9, before: () => hub.tokens.revoke(token) });
    assert.equal((await refusal(publish(tag))).exitCode, 3);
    hub.calm();
    token = hub.tokens.issue({ name: "acme" });
    assert.equal((await publish(tag)).status, "published");
    assert.deepEqual(titles(), [`Release ${tag}`, "initial commit"]);
  });
});

describe("the Hub while we publish", () => {
  it("is waited for as long as it asks", async () => {
    const tag = release({ version: "1.0.0" });
    hub.fail({ at: 2, answer: 429, headers: { ratelimit: '"api";r=0;t=42' } });
    hub.fail({ at: 5, answer: 429, headers: { "retry-after": "17" } });
    const world = ours();
    assert.equal((await publish(tag, { world })).status, "published");
    assert.deepEqual(world.waits, [42_000, 17_000]);
    hub.fail({ answer: 429, headers: { "retry-after": "86400" }, times: 3 });
    const { exitCode, code } = await refusal(publish(tag));
    assert.deepEqual([exitCode, code], [3, "hub.unreachable"], "a day is not waited for");
  });

  it("is committed to by someone else: what they did stays", async () => {
    const tag = release({ version: "1.0.0" });
    const world = ours();
    hub.fail({
      match: /\/commit\//,
      answer: 412,
      before: () => {
        const files = new Map(there()?.at("main").files);
        files.set("notes.md", { size: 2, oid: "0".repeat(40), bytes: Buffer.from("hi"), lfs: null });
        there()?.commit("main", "notes", files);
      },
    });
    assert.equal((await publish(tag, { world })).status, "published");
    assert.deepEqual(titles(), [`Release ${tag}`, "notes", "initial commit"]);
    assert.equal(textOf("notes.md"), "hi");
  });

  it("gives back other bytes: the version is not tagged", async () => {
    const tag = release({ version: "1.0.0" });
    hub.fail({
      match: /\/resolve\//,
      answer: 503,
      before: () => {
        const files = there()?.at("main").files as unknown as Map<string, { bytes: Buffer }>;
        const weights = files.get("adapter_model.safetensors");
        if (weights) weights.bytes = Buffer.concat([weights.bytes.subarray(1), Buffer.of(0)]);
      },
    });
    const { exitCode, code } = await refusal(publish(tag));
    assert.deepEqual([exitCode, code, there()?.tags.size], [3, "publish.verify", 0]);
  });

  it("has other projects' tags: they do not count", async () => {
    await publish(release({ version: "1.0.0" }));
    there()?.tags.set("other@9.0.0", there()?.branches.get("main") ?? "");
    assert.equal((await publish(release({ version: "1.0.1" }))).status, "published");
  });
});
