import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { childEnv } from "./child-env.js";

describe("childEnv", () => {
  it("passes on what the pipeline needs", () => {
    const needed = { PATH: "/bin", HOME: "/h", LC_ALL: "C", HF_HOME: "/hf", GITUNE_STORE: "/s", GITHUB_SHA: "abc" };
    assert.deepEqual(childEnv(needed), needed);
  });

  for (const name of [
    "GITHUB_TOKEN",
    "INPUT_GITHUB_TOKEN",
    "HF_TOKEN",
    "GITUNE_HUB_TOKEN",
    "GITUNE_APP_KEY",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_OUTPUT",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "AWS_SECRET_ACCESS_KEY",
    "NODE_OPTIONS",
    "NODE_AUTH_TOKEN",
  ]) {
    it(`keeps ${name} back`, () => assert.deepEqual(childEnv({ [name]: "x" }), {}));
  }
});
