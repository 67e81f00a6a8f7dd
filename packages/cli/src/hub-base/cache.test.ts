import assert from "node:assert/strict";
import { test } from "node:test";
import { cacheFolder } from "./cache.js";

test("the cache is where huggingface_hub has it", () => {
  for (const [env, expected] of [
    [{}, "/home/a/.cache/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "/hf" }, "/hf/hub"],
    [{ HF_HOME: "~/hf" }, "/home/a/hf/hub"],
    [{ HF_HOME: "/hf", HF_HUB_CACHE: "/c" }, "/c"],
    [{ HF_HOME: "" }, "/home/a/.cache/huggingface/hub"],
    [{ HF_HUB_CACHE: "c" }, "/work/c"],
  ] as const) {
    assert.equal(cacheFolder({ HOME: "/home/a", ...env }, "/work"), expected);
  }
});
