/** Rows from datasets on the Hub: `gitune refresh` as a process, against the stand-in on loopback. */
import assert from "node:assert/strict";
import { after, afterEach, before, it } from "node:test";
import { type HubServer, startHub } from "../support/hub-server/server.js";
import {
  COLORS,
  colorsConfig,
  colorsFiles,
  jsonl,
  type RefreshAnswer,
  RefreshRepository,
  row,
} from "../support/refresh-repository.js";

const BRANCH = "gitune/refresh-colors";
const FILE = "data/a b.jsonl";
const PINNED = "89abcdef".repeat(5);
const SUN = row("colour of the sun?", "yellow");
const SEA = row("colour of the sea?", "blue, mostly");
const MUD = row("colour of mud?", "brown");

let hub: HubServer;
let repository: RefreshRepository;
before(async () => {
  hub = await startHub();
});
after(() => hub.close());
afterEach(() => {
  repository.remove();
  hub.reset();
});

const source = (name: string, dataset: string, more = "") =>
  `    - { type: hub, name: ${name}, dataset: ${dataset}, file: ${FILE}, into: train/${name}.jsonl${more} }`;
const rowsFile = (...rows: readonly object[]) => ({ [FILE]: Buffer.from(jsonl(rows)) });

function open(...sources: readonly string[]): RefreshRepository {
  repository = new RefreshRepository(colorsFiles(colorsConfig(sources.join("\n"))));
  return repository;
}

function refresh(token?: string): Promise<RefreshAnswer> {
  return repository.refresh([], { HF_ENDPOINT: hub.url, ...(token === undefined ? {} : { HF_TOKEN: token }) });
}

/** The first issue of each source that failed. */
function failures({ code, document, stdout, stderr }: RefreshAnswer) {
  assert.equal(code, 3, stdout + stderr);
  const [project] = document.projects;
  const failed = project?.sources.filter(({ status }) => status === "failed") ?? [];
  return Object.fromEntries(
    failed.map(({ name, issues: [issue] }) => {
      assert.equal(issue?.code, "refresh.source");
      return [name, `${issue.message.replace(`source ${name}: `, "")}; ${issue.fix}`];
    }),
  );
}

it("a commit is read once, through a Hub that is busy; a branch is followed", async () => {
  const dataset = hub.addDataset("acme/rows", PINNED, rowsFile(SUN));
  dataset.isGated = true;
  const { files } = hub.addDataset("acme/next", PINNED, rowsFile(SUN, SEA)).at("main");
  dataset.commit("main", "more", files);
  const token = hub.tokens.issue({ name: "acme", role: "read" });
  open(source("pinned", "acme/rows", `, revision: "${PINNED}"`), source("moving", "acme/rows"));
  hub.fail({ answer: 429, headers: { ratelimit: '"resolvers";r=0;t=1' } });
  hub.fail({ answer: 500 });
  const first = await refresh(token);
  assert.equal(first.code, 0, first.stdout + first.stderr);
  assert.deepEqual(
    hub.log.map(({ path, status }) => [path.replace("/datasets/acme/rows/resolve/", ""), status]),
    [
      [`${PINNED}/data/a%20b.jsonl`, 429],
      [`${PINNED}/data/a%20b.jsonl`, 500],
      [`${PINNED}/data/a%20b.jsonl`, 200],
      ["main/data/a%20b.jsonl", 200],
    ],
  );
  const counted = first.document.projects[0]?.sources.map(({ name, new: fresh, known }) => [name, fresh, known]);
  assert.deepEqual(counted, [
    ["pinned", 1, 0],
    ["moving", 1, 1],
  ]);
  assert.deepEqual(repository.rows(BRANCH, `${COLORS}/train/pinned.jsonl`), [SUN]);

  const { files: moved } = hub.addDataset("acme/next", PINNED, rowsFile(SUN, SEA, MUD)).at("main");
  dataset.commit("main", "more", moved);
  hub.calm();
  const second = await refresh(token);
  assert.equal(second.code, 0, second.stdout + second.stderr);
  assert.deepEqual(
    hub.log.map(({ path }) => path.split("/")[5]),
    ["main"],
  );
  assert.deepEqual(repository.rows(BRANCH, `${COLORS}/train/moving.jsonl`), [SEA, MUD]);
  for (const { stdout, stderr } of [first, second]) assert.ok(!(stdout + stderr).includes(token));
});

it("what the Hub refuses is said with what mends it", async () => {
  hub.addDataset("acme/open", PINNED, rowsFile(SUN));
  hub.addDataset("acme/gated", PINNED, rowsFile(SUN)).isGated = true;
  open(
    source("gated", "acme/gated"),
    source("nowhere", "acme/nowhere"),
    source("revision", "acme/open", ", revision: v2"),
    source("file", "acme/open").replace(FILE, "data/other.jsonl"),
  );
  const page = `${hub.url}/datasets/acme/gated`;
  assert.deepEqual(failures(await refresh()), {
    gated: `dataset acme/gated is gated, and HF_TOKEN is not set; ask for access at ${page}, then set HF_TOKEN to a token of the same account`,
    nowhere:
      "the Hub has no dataset acme/nowhere, or it is private; correct dataset, or set HF_TOKEN to a token that may read it",
    revision: "dataset acme/open has no v2; correct revision",
    file: "dataset acme/open has no data/other.jsonl at main; correct file",
  });
  const stranger = failures(await refresh(hub.tokens.issue({ name: "guest" })));
  assert.equal(
    stranger["gated"],
    `dataset acme/gated is gated, and HF_TOKEN's account has no access; ask for it at ${page}`,
  );
  const unknown = "hf_atokenthatnobodyissued";
  const answer = await refresh(unknown);
  assert.equal(failures(answer)["file"], "the Hub does not know the token in HF_TOKEN; make a new token");
  assert.ok(!(answer.stdout + answer.stderr).includes(unknown));
});
