import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GituneError } from "@gitune/core";
import { readCommentInputs, readRunInputs } from "./inputs.js";

const messages = (read: () => unknown): readonly string[] => {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof GituneError);
    assert.equal(error.exitCode, 2);
    return error.issues.map(({ message }) => message);
  }
  return [];
};

describe("inputs", () => {
  it("are empty where nothing is said, so that the config decides", () => {
    assert.deepEqual(readRunInputs({}), {
      verb: "run",
      projects: [],
      base: null,
      device: null,
      workingDirectory: ".",
      isAnnotating: true,
      maxJobs: 256,
      needs: null,
      job: null,
    });
    assert.deepEqual(readCommentInputs({}), {
      projects: [],
      mode: "sticky",
      state: "done",
      hasCheckRun: true,
      token: "",
      author: null,
    });
  });

  it("say what the machine must have, and when its job ends", () => {
    const { needs, job } = readRunInputs({
      INPUT_PREFLIGHT: "true",
      INPUT_MIN_MEMORY: "20",
      INPUT_TIMEOUT_MINUTES: "240",
      INPUT_STARTED: "1764000000",
    });
    assert.deepEqual(needs, { memoryGib: 20, diskGib: 0 });
    assert.deepEqual(job, { timeoutMinutes: 240, startedMs: 1_764_000_000_000 });
  });

  it("take projects by commas, spaces and lines, once each", () => {
    const { projects } = readRunInputs({ INPUT_PROJECTS: " a, b\n  c a " });
    assert.deepEqual(projects, ["a", "b", "c"]);
  });

  for (const name of ["--json", "-x", "a;b", "$(id)", "../x", "a`b`"]) {
    it(`refuse the project ${name}`, () => {
      assert.match(messages(() => readRunInputs({ INPUT_PROJECTS: name })).join(), /project names/);
    });
  }

  for (const base of ["--upload-pack=x", "a..b", "a b", "main;id"]) {
    it(`refuse the base ${base}`, () => {
      assert.match(messages(() => readRunInputs({ INPUT_BASE: base })).join(), /commit, branch or tag/);
    });
  }

  for (const base of ["main", "origin/main", "v1.2.3", "HEAD~1", "HEAD^", "0".repeat(40), "feature/a_b-c"]) {
    it(`take the base ${base}`, () => assert.equal(readRunInputs({ INPUT_BASE: base }).base, base));
  }

  for (const [name, value] of [
    ["VERB", "publish"],
    ["MIN_MEMORY", "20 GB"],
    ["TIMEOUT_MINUTES", "-1"],
    ["STARTED", "yesterday"],
    ["DEVICE", "--out"],
    ["DEVICE", "cpu; id"],
    ["MAX_JOBS", "0"],
    ["MAX_JOBS", "257"],
    ["ANNOTATIONS", "maybe"],
  ] as const) {
    it(`refuse ${name}=${value}`, () => {
      assert.equal(messages(() => readRunInputs({ [`INPUT_${name}`]: value })).length, 1);
    });
  }

  it("say all that is wrong at once", () => {
    assert.equal(messages(() => readRunInputs({ INPUT_PROJECTS: "-a -b", INPUT_BASE: "-c" })).length, 3);
  });
});
