import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { getOctokit } from "@actions/github";
import { ACTIONS_BOT, type GitHubServer, startGitHub } from "./server.js";

const where = { owner: "octo", repo: "rows" };
let github: GitHubServer;
let issue = 0;
before(async () => {
  github = await startGitHub({ users: ["octo"], repositories: ["octo/rows"] });
  issue = (await as("octo").issues.create({ ...where, title: "t" })).data.number;
});
after(() => github.close());
beforeEach(() => github.calm());

const as = (login: string, permissions?: Parameters<GitHubServer["issueToken"]>[1]) =>
  getOctokit(github.issueToken(login, permissions), { baseUrl: github.url }).rest;
const statusOf = (request: Promise<unknown>) =>
  request.then(
    () => 200,
    (error: unknown) => (error as { status: number }).status,
  );
const comment = (rest: ReturnType<typeof as>, body = "hello") =>
  rest.issues.createComment({ ...where, issue_number: issue, body });

describe("GitHub stand-in", () => {
  it("knows who a token belongs to", async () => {
    assert.equal((await comment(as("octo"))).data.user?.login, "octo");
    const bot = as(ACTIONS_BOT, { "pull-requests": "write" });
    assert.equal((await comment(bot)).data.user?.login, ACTIONS_BOT);
  });

  it("refuses an unknown token and one without the right", async () => {
    const unknown = getOctokit("ghp_unknown", { baseUrl: github.url }).rest;
    assert.equal(await statusOf(comment(unknown)), 401);
    assert.equal(await statusOf(comment(as(ACTIONS_BOT, { contents: "write" }))), 403);
    assert.equal(await statusOf(as(ACTIONS_BOT, {}).issues.get({ ...where, issue_number: issue })), 200);
  });

  it("keeps GitHub's limit on bodies", async () => {
    assert.equal(await statusOf(comment(as("octo"), "x".repeat(65_537))), 422);
    assert.equal(await statusOf(comment(as("octo"), "x".repeat(65_536))), 200);
  });

  it("fails as often as asked, before or after the work", async () => {
    github.fail({ match: /^POST .*comments/, answer: 500, times: 2 });
    const octo = as("octo");
    assert.deepEqual([await statusOf(comment(octo)), await statusOf(comment(octo))], [500, 500]);
    assert.equal(await statusOf(comment(octo)), 200);

    const count = async () =>
      (await octo.issues.listComments({ ...where, issue_number: issue, per_page: 100 })).data.length;
    const before = await count();
    github.fail({ match: /^POST/, answer: "cut-before" });
    assert.equal(await statusOf(comment(octo)), 500);
    assert.equal(await count(), before);
    github.fail({ match: /^POST/, answer: "cut-after" });
    assert.equal(await statusOf(comment(octo)), 500);
    assert.equal(await count(), before + 1);
  });

  it("lists the files of a pull request, whose head follows its branch", async () => {
    const octo = as("octo");
    const { data: main } = await octo.git.getRef({ ...where, ref: "heads/main" });
    await octo.git.createRef({ ...where, ref: "refs/heads/change", sha: main.object.sha });
    const write = (path: string) =>
      octo.repos.createOrUpdateFileContents({
        ...where,
        branch: "change",
        path,
        message: path,
        content: Buffer.from("x\n").toString("base64"),
      });
    await write("a.txt");
    const { number } = (await octo.pulls.create({ ...where, title: "t", head: "change", base: "main" })).data;
    const last = await write("b.txt");
    const pull = (await octo.pulls.get({ ...where, pull_number: number })).data;
    assert.equal(pull.head.sha, last.data.commit.sha);
    assert.equal(pull.changed_files, 2);
    const names = async (page: number) => {
      const { data } = await octo.pulls.listFiles({ ...where, pull_number: number, per_page: 1, page });
      return data.map(({ filename }) => filename);
    };
    assert.deepEqual([...(await names(1)), ...(await names(2))].sort(), ["a.txt", "b.txt"]);
  });

  it("shows a draft in the list alone, to who may push, and takes one published release a tag", async () => {
    const octo = as("octo");
    const named = { ...where, tag_name: "rows@1.0.0" };
    const drafts = [
      (await octo.repos.createRelease({ ...named, name: "one", draft: true })).data,
      (await octo.repos.createRelease({ ...named, name: "two", draft: true })).data,
    ];
    assert.match(drafts[0]?.html_url ?? "", /\/tag\/untagged-/);
    const byTag = (rest = octo) => statusOf(rest.repos.getReleaseByTag({ ...where, tag: "rows@1.0.0" }));
    const listed = async (rest: typeof octo) =>
      (await rest.repos.listReleases(where)).data.map(({ tag_name }) => tag_name);
    assert.equal(await byTag(), 404);
    assert.deepEqual(await listed(octo), ["rows@1.0.0", "rows@1.0.0"]);
    assert.deepEqual(await listed(as(ACTIONS_BOT, { contents: "write" })), ["rows@1.0.0", "rows@1.0.0"]);
    const reader = as(ACTIONS_BOT, { contents: "read" });
    assert.deepEqual(await listed(reader), []);
    assert.equal(await statusOf(reader.repos.getRelease({ ...where, release_id: drafts[0]?.id ?? 0 })), 404);

    const publish = (draft = drafts[0]) =>
      octo.repos.updateRelease({ ...where, release_id: draft?.id ?? 0, draft: false });
    const { data: published } = await publish();
    assert.deepEqual([published.tag_name, published.name, published.draft], ["rows@1.0.0", "one", false]);
    assert.match(published.html_url, /\/tag\/rows@1\.0\.0$/);
    assert.equal(await byTag(reader), 200);
    await publish();
    const codeOf = (request: Promise<unknown>) =>
      request.then(
        () => undefined,
        (error: unknown) =>
          (error as { response: { data: { errors: readonly { code: string }[] } } }).response.data.errors[0]?.code,
      );
    assert.equal(await codeOf(octo.repos.createRelease(named)), "already_exists");
    assert.equal(await codeOf(publish(drafts[1])), "already_exists");
  });

  it("logs what was asked", async () => {
    await comment(as("octo"));
    assert.deepEqual(github.log.at(-1), {
      method: "POST",
      path: `/repos/octo/rows/issues/${issue}/comments`,
      status: 201,
      json: { body: "hello" },
    });
  });
});
