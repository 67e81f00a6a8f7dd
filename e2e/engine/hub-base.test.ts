/** A base by its Hub id and commit: fetched once, checked by its hashes, used without the Hub from then on; and what is refused. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { GituneError, sha256Hex } from "@gitune/core";
import { HubBases } from "gitune";
import { REPOSITORY } from "../support/action-folder.js";
import { ALWAYS, baseFiles, config, jsonl, PROJECT, rows } from "../support/colours-project.js";
import { ENVIRONMENT, GitRepository } from "../support/git-repository.js";
import { plainFile, type RepoFile } from "../support/hub-server/repository.js";
import { type HubServer, startHub } from "../support/hub-server/server.js";
import type { Files } from "../support/pull-request.js";
import { tinyBase } from "../support/tiny-base.js";

const MAIN = join(REPOSITORY, "packages/cli/dist/main.js");
const ID = "acme/tiny";
const REVISION = "0123456789abcdef0123456789abcdef01234567";
const BASE = { id: ID, revision: REVISION, about: { project: "colours", file: `${PROJECT}/gitune.yaml` } };
const NOWHERE = "http://127.0.0.1:9";

/** The model's files by their names in its repository. */
const MODEL = Object.fromEntries(
  Object.entries(tinyBase("x")).map(([path, content]) => [path.slice(2), Buffer.from(content)]),
);
const WEIGHTS = MODEL["model.safetensors"] as Buffer;
const OTHERS: Files = { "pytorch_model.bin": Buffer.from("pickle"), "modeling.py": Buffer.from("import os") };

let hub: HubServer;
let home: string;
before(async () => {
  hub = await startHub();
});
after(() => hub.close());
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "gitune-hub-base-")));
  hub.reset();
  hub.state.largeFilesAt = null;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const folder = (...path: readonly string[]) => join(home, "hub/models--acme--tiny", ...path);
const inSnapshot = (name: string) => folder("snapshots", REVISION, name);
const blobs = () => (existsSync(folder("blobs")) ? readdirSync(folder("blobs")) : []);
const asked = () => hub.log.map(({ path }) => path.replace(`/acme/tiny/resolve/${REVISION}/`, ""));

function addModel(files: Files = MODEL) {
  const kept = Object.entries({ ...files, ...OTHERS }).map(([name, bytes]) => [name, Buffer.from(bytes)] as const);
  return hub.addModel(ID, REVISION, Object.fromEntries(kept));
}

/** In this process, with no real waiting. */
function bases(env: Readonly<Record<string, string>> = {}, said: string[] = []): HubBases {
  return new HubBases({
    env: { HF_ENDPOINT: hub.url, HF_HOME: home, ...env },
    cwd: home,
    signal: new AbortController().signal,
    note: (line) => said.push(line),
    onProgress: () => undefined,
    sleep: async () => undefined,
  });
}

/** @returns `exit code, code, message; fix` */
async function refusal(work: Promise<unknown>): Promise<readonly [number, string, string]> {
  const error = await work.then(
    () => assert.fail("it was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GituneError, String(error));
  const [issue] = error.issues;
  return [error.exitCode, issue?.code ?? "", `${issue?.message}; ${issue?.fix}`];
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("gitune with a base of the Hub", () => {
  let repository: GitRepository;
  let bare: GitRepository;
  before(() => {
    const files = baseFiles();
    const written = config(ALWAYS).replace("base: models/tiny", `base: ${ID}\n  revision: "${REVISION}"`);
    const others = Object.entries(files).filter(([path]) => !path.startsWith("models/"));
    repository = new GitRepository({ ...Object.fromEntries(others), [`${PROJECT}/gitune.yaml`]: written });
    repository.write({ [`${PROJECT}/train.jsonl`]: jsonl(rows(28)) });
    bare = new GitRepository(files);
    bare.write({ [`${PROJECT}/train.jsonl`]: jsonl(rows(28)) });
  });
  after(() => {
    repository.remove();
    bare.remove();
  });

  function gitune(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const options = { cwd, env: { ...ENVIRONMENT, HF_ENDPOINT: hub.url, HF_HOME: home, ...env } };
    return new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...args, "--json"], options, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  }

  it("run downloads it once; the next needs no Hub, and a plan elsewhere finds the results without the weights", async () => {
    addModel();
    const looked = await gitune(repository.root, ["doctor", "--device", "cpu"]);
    assert.match(
      looked.stdout,
      /"base acme\/tiny",\s+"ok": true,\s+"detail": "not here yet: 0\.0 GiB come from the Hub/,
    );
    assert.equal(existsSync(folder()), false, "doctor writes nothing");
    hub.calm();

    const ran = await gitune(repository.root, ["run"]);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    const files = ["chat_template.jinja", "config.json", "generation_config.json", "model.safetensors"];
    assert.deepEqual(asked().sort(), [
      `/api/models/acme/tiny/revision/${REVISION}?blobs=true`,
      ...files,
      ...["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"],
    ]);
    assert.match(ran.stderr, /Downloading 6 files of acme\/tiny at 01234567 from the Hub: \d+ MB, to /);
    assert.ok(lstatSync(inSnapshot("model.safetensors")).isSymbolicLink());
    assert.equal(realpathSync(inSnapshot("model.safetensors")), folder("blobs", sha256Hex(WEIGHTS)));
    assert.ok(existsSync(folder(".no_exist", REVISION, "model.safetensors.index.json")));

    hub.calm();
    const out = ["--out", join(home, "adapter")];
    const trained = await gitune(repository.root, ["train", ...out], { HF_ENDPOINT: NOWHERE });
    assert.equal(trained.code, 0, trained.stdout + trained.stderr);
    const local = await gitune(bare.root, ["train", "--out", join(home, "local")]);
    const [there, here] = [JSON.parse(trained.stdout), JSON.parse(local.stdout)];
    assert.deepEqual([there.base.sha256, there.adapter.sha256], [here.base.sha256, here.adapter.sha256]);
    assert.deepEqual(there.base, { id: ID, revision: REVISION, sha256: here.base.sha256 });
    assert.equal(JSON.parse(readFileSync(join(home, "adapter/adapter_config.json"), "utf8")).revision, REVISION);

    const planned = await gitune(repository.root, ["plan"], { HF_HOME: join(home, "other") });
    assert.equal(planned.code, 0, planned.stdout + planned.stderr);
    const { pending = [], projects } = JSON.parse(planned.stdout);
    assert.deepEqual([pending, projects[0].status, projects[0].adapters.head.cached], [[], "changed", true]);
    assert.ok(asked().includes("tokenizer.json") && !asked().includes("model.safetensors"), asked().join(" "));

    const offline = await gitune(repository.root, ["eval"], { HF_HOME: join(home, "third"), HF_HUB_OFFLINE: "1" });
    const [issue] = JSON.parse(offline.stdout).issues;
    assert.deepEqual(
      [offline.code, issue.code, issue.file, issue.pointer],
      [3, "hub.offline", `${PROJECT}/gitune.yaml`, "/train/base"],
    );
    const command = new RegExp(`^hf download ${ID} --revision ${REVISION}`);
    assert.match(issue.fix, command);
    const doctor = await gitune(repository.root, ["doctor"], { HF_HOME: join(home, "third"), HF_HUB_OFFLINE: "1" });
    const base = JSON.parse(doctor.stdout).findings.find(({ what }: { what: string }) => what === `base ${ID}`);
    assert.deepEqual([doctor.code, base.ok], [3, false]);
    assert.match(base.fix, command);

    const prompt = ["--prompt", "What is red?", "--max-new-tokens", "2"];
    const said = await gitune(repository.root, ["generate", "--base", `${ID}@${REVISION}`, ...prompt]);
    assert.deepEqual([said.code, JSON.parse(said.stdout).base], [0, there.base], said.stderr);
  });
});

describe("a base's download", () => {
  it("that is cut goes on where it stopped, in the same call and in the next", async () => {
    addModel();
    hub.fail({ match: /model\.safetensors/, answer: "cut-within" });
    hub.fail({ match: /tokenizer\.json/, answer: 503 });
    assert.equal((await bases().fetch(BASE, "weights")).hasWeights, true);
    assert.equal(asked().filter((path) => path === "model.safetensors").length, 2);
    rmSync(home, { recursive: true });

    hub.calm();
    hub.fail({ match: /model\.safetensors/, answer: "cut-within", times: Number.POSITIVE_INFINITY });
    assert.deepEqual((await refusal(bases().fetch(BASE, "weights"))).slice(0, 2), [3, "hub.unreachable"]);
    assert.equal(existsSync(inSnapshot("model.safetensors")), false);
    const [left] = blobs().filter((name) => name.endsWith(".incomplete"));
    assert.equal(left, `${sha256Hex(WEIGHTS)}.gitune.incomplete`);
    hub.calm();
    await bases().fetch(BASE, "weights");
    assert.deepEqual(readFileSync(inSnapshot("model.safetensors")), WEIGHTS);
    assert.equal(hub.log.at(-1)?.status, 206);
    assert.deepEqual(
      blobs().filter((name) => name.includes("gitune")),
      [],
    );
  });

  it("in parts by an index is the same base with and without its weights at hand", async () => {
    const shard = "model-00001-of-00001.safetensors";
    const { weight_map: map } = indexOf(shard);
    const { "model.safetensors": weights = Buffer.alloc(0), ...others } = MODEL;
    addModel({ ...others, [shard]: weights, "model.safetensors.index.json": JSON.stringify({ weight_map: map }) });
    const { openBase } = await import("@gitune/train");
    const place = { root: home, projectDir: "", base: ID, revision: REVISION };
    const planned = await openBase({ ...place, snapshot: await bases().fetch(BASE, "identity") });
    assert.equal(existsSync(inSnapshot(shard)), false);
    const whole = await openBase({ ...place, snapshot: await bases().fetch(BASE, "weights") });
    assert.deepEqual([planned.spec.weights, planned.sha256], [null, whole.sha256]);
    assert.ok(whole.spec.weights);
    rmSync(home, { recursive: true });

    // A file that LFS does not keep has no sha256 in the list, so it comes for a plan, too.
    const files = addModel().at("main").files as Map<string, RepoFile>;
    files.set("model.safetensors", plainFile(WEIGHTS));
    assert.deepEqual(await bases().fetch(BASE, "identity"), {
      dir: folder("snapshots", REVISION),
      hasWeights: true,
      sha256: new Map(),
    });
  });

  it("begins only where the disk has room for it", async () => {
    const files = addModel().at("main").files as Map<string, RepoFile>;
    files.set("model.safetensors", { ...plainFile(WEIGHTS), size: 2 ** 52 });
    const [code, name, text] = await refusal(bases().fetch(BASE, "weights"));
    assert.deepEqual([code, name], [3, "disk.full"]);
    assert.match(
      text,
      /^there is no space for acme\/tiny in .*; free some, or name a folder on another disk: HF_HOME=/,
    );
    assert.ok(!asked().includes("model.safetensors"));
  });

  it("keeps nothing of wrong bytes, neither of those that come nor of those that were there", async () => {
    const files = addModel().at("main").files as Map<string, RepoFile>;
    const wrong = Buffer.from(WEIGHTS);
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
    const right = files.get("model.safetensors") ?? assert.fail();
    files.set("model.safetensors", { ...right, bytes: wrong });
    const [code, name, text] = await refusal(bases().fetch(BASE, "weights"));
    assert.deepEqual([code, name], [3, "base.damaged"]);
    assert.match(text, /^what the Hub sent as model\.safetensors of acme\/tiny is not what its commit has; run again/);
    assert.deepEqual(
      [existsSync(inSnapshot("model.safetensors")), blobs().filter((blob) => blob.startsWith(sha256Hex(WEIGHTS)))],
      [false, []],
    );
    files.set("model.safetensors", { ...right, bytes: Buffer.concat([WEIGHTS, WEIGHTS]) });
    assert.deepEqual((await refusal(bases().fetch(BASE, "weights"))).slice(0, 2), [3, "base.damaged"]);

    files.set("model.safetensors", right);
    const { openBase } = await import("@gitune/train");
    const place = { root: home, projectDir: "", base: ID, revision: REVISION };
    await openBase({ ...place, snapshot: await bases().fetch(BASE, "weights") });
    writeFileSync(folder("blobs", sha256Hex(WEIGHTS)), wrong);
    const snapshot = await bases().fetch(BASE, "weights");
    assert.deepEqual((await refusal(openBase({ ...place, snapshot }))).slice(0, 2), [3, "base.damaged"]);
    writeFileSync(realpathSync(inSnapshot("config.json")), "{}");
    assert.deepEqual((await refusal(bases().fetch(BASE, "weights"))).slice(0, 2), [3, "base.damaged"]);
  });

  it("follows no name, link or index out of the cache's folder", async () => {
    addModel({ ...MODEL, "../../evil.json": "x", "..": "x", "sub/config.json": "x" });
    await bases().fetch(BASE, "weights");
    assert.ok(
      asked().every((path) => !/evil|sub|%2e|\.\./i.test(path)),
      asked().join(" "),
    );
    writeFileSync(join(home, "secret"), "s");
    rmSync(inSnapshot("chat_template.jinja"));
    symlinkSync(join(home, "secret"), inSnapshot("chat_template.jinja"));
    assert.deepEqual((await refusal(bases().fetch(BASE, "weights"))).slice(0, 2), [2, "base.outside"]);
    rmSync(folder(), { recursive: true });

    for (const shard of ["../../../evil.safetensors", "/etc/passwd", "model.bin", "a/b.safetensors"]) {
      const { "model.safetensors": _, ...others } = MODEL;
      addModel({ ...others, "model.safetensors.index.json": JSON.stringify(indexOf(shard)) });
      assert.deepEqual((await refusal(bases().fetch(BASE, "weights"))).slice(0, 2), [2, "weights.index"], shard);
      rmSync(folder(), { recursive: true });
    }
    for (const id of ["../tiny", "acme/..", "acme--x/tiny", "a/b/c", "acme/tiny?x"]) {
      assert.deepEqual((await refusal(bases().fetch({ ...BASE, id }, "weights"))).slice(0, 2), [2, "base.missing"], id);
    }
    assert.deepEqual(readdirSync(home).sort(), ["hub", "secret"]);
  });

  it("says what is wrong with the id, the commit, the files, and who may not read them", async () => {
    const get = (env: Readonly<Record<string, string>> = {}, base = BASE) => refusal(bases(env).fetch(base, "weights"));
    const [page, token] = [`${hub.url}/acme/tiny`, hub.tokens.issue({ name: "guest" })];
    assert.deepEqual(await get(), [
      2,
      "base.missing",
      "the Hub has no model acme/tiny, or it is private; correct train.base, or set HF_TOKEN to a token that may read it",
    ]);
    addModel().isGated = true;
    assert.deepEqual(await get(), [
      3,
      "hub.refused",
      `model acme/tiny is gated, and HF_TOKEN is not set; ask for access at ${page}, then set HF_TOKEN to a token of the same account`,
    ]);
    assert.deepEqual(await get({ HF_TOKEN: token }), [
      3,
      "hub.refused",
      `model acme/tiny is gated, and HF_TOKEN's account has no access; ask for it at ${page}`,
    ]);
    const unknown = "hf_atokenthatnobodyissued";
    assert.deepEqual(await get({ HF_TOKEN: unknown }), [
      3,
      "hub.refused",
      "the Hub does not know the token in HF_TOKEN; make a new token",
    ]);
    const revision = "f".repeat(40);
    addModel().tags.set(revision, REVISION);
    assert.deepEqual(
      (await get({}, { ...BASE, revision }))[2],
      `${revision} is no commit of acme/tiny; give one of ${page}/commits/main`,
    );
    assert.equal(
      (await get({}, { ...BASE, revision: "e".repeat(40) }))[2],
      `model acme/tiny has no ${"e".repeat(40)}; correct revision`,
    );
    const { "model.safetensors": _, ...others } = MODEL;
    addModel(others);
    assert.match(
      (await get()).join(" "),
      /^2 base\.format acme\/tiny at 01234567 has no model\.safetensors; give a base that has/,
    );
    assert.deepEqual((await get({ HF_ENDPOINT: "http://hub.example" })).slice(0, 2), [3, "hub.refused"]);
    assert.deepEqual((await get({ HF_ENDPOINT: NOWHERE })).slice(0, 2), [3, "hub.unreachable"]);
    assert.equal(existsSync(folder("snapshots")), false);
  });

  it("that is whole in the cache asks nobody; one that may lack files asks, and is used where there is no answer", async () => {
    const { "special_tokens_map.json": _, ...others } = MODEL;
    addModel(others);
    await bases().fetch(BASE, "weights");
    await bases({ HF_ENDPOINT: NOWHERE }).fetch(BASE, "weights");
    rmSync(folder(".no_exist"), { recursive: true });
    hub.calm();
    const said: string[] = [];
    await bases({ HF_ENDPOINT: NOWHERE }, said).fetch(BASE, "weights");
    assert.deepEqual(said, ["The Hub does not answer, so acme/tiny is taken as the cache has it."]);
    await bases({ HF_HUB_OFFLINE: "1" }).fetch(BASE, "weights");
    assert.deepEqual(asked(), []);
    await bases().fetch(BASE, "weights");
    assert.deepEqual(asked(), [`/api/models/acme/tiny/revision/${REVISION}?blobs=true`]);
    rmSync(folder(".no_exist"), { recursive: true });
    writeFileSync(inSnapshot(".gitattributes"), "");
    hub.calm();
    await bases().fetch(BASE, "weights");
    assert.deepEqual(asked(), [], "hf download brings every file");
  });
});

describe("a base's token", () => {
  let storage: Server;
  const seen: (string | undefined)[] = [];
  before(async () => {
    storage = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(request.url === `/${sha256Hex(WEIGHTS)}` ? WEIGHTS : "");
    });
    await new Promise<void>((resolve) => storage.listen(0, "127.0.0.1", resolve));
  });
  after(() => new Promise((resolve) => storage.close(resolve)));

  it("goes to the Hub alone, not to where it redirects to", async () => {
    addModel().isGated = true;
    const token = hub.tokens.issue({ name: "acme", role: "read" });
    hub.state.largeFilesAt = `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;
    const said: string[] = [];
    const { hasWeights } = await bases({ HF_TOKEN: token }, said).fetch(BASE, "weights");
    assert.deepEqual([hasWeights, seen], [true, [undefined]]);
    assert.ok(!said.join("").includes(token));
    rmSync(home, { recursive: true });
    hub.state.largeFilesAt = "http://storage.example";
    assert.match(
      (await refusal(bases({ HF_TOKEN: token }).fetch(BASE, "weights"))).join(" "),
      /hub\.refused.*not https/,
    );
  });
});

/** An index that puts every tensor into one file. */
function indexOf(shard: string): { readonly weight_map: Readonly<Record<string, string>> } {
  const headerBytes = Number(WEIGHTS.readBigUInt64LE(0));
  const header = JSON.parse(WEIGHTS.subarray(8, 8 + headerBytes).toString()) as Record<string, unknown>;
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  return { weight_map: Object.fromEntries(names.map((name) => [name, shard])) };
}
