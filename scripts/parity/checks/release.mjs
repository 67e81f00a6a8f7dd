/**
 * A release that gitune published, as Python's huggingface_hub and PEFT find it: its tag, every file by its hash, the card's
 * metrics, every tensor once PEFT has loaded it. The Hub is the stand-in of the end-to-end tests.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { startHub } from "../../../e2e/dist/support/hub-server/server.js";
import { HUB_NAME, ReleaseRepository } from "../../../e2e/dist/support/release-repository.js";
import { runPublish } from "../../../packages/cli/dist/index.js";
import { runPeer } from "../peer.mjs";

/** Layers of the base, target modules, and A and B. */
const TENSORS = 2 * 2 * 2;

/** @returns {Promise<import("../figure.mjs").Figure[]>} */
export async function release({ environment }) {
  const hub = await startHub();
  const repository = new ReleaseRepository();
  const home = mkdtempSync(join(tmpdir(), "gitune-hf-"));
  try {
    const env = { HF_ENDPOINT: hub.url, HF_TOKEN: hub.tokens.issue({ name: "acme" }) };
    const tag = repository.release({ version: "1.0.0" });
    const published = await runPublish(
      tag,
      { dryRun: false, prompts: 1, sleep: (ms, signal) => wait(ms, undefined, { signal }) },
      { cwd: repository.root, env, note() {}, onProgress() {}, signal: new AbortController().signal },
    );
    const base = join(repository.root, "models/tiny");
    const [found] = await runPeer(environment, "release.py", [HUB_NAME, tag, base], {
      env: { ...env, HF_HOME: home, HF_HUB_OFFLINE: "0" },
    });
    const same = published.files.filter(({ path, sha256 }) => found.files[path] === sha256);
    return [
      { what: "the tag leads to the commit", value: Number(found.commit === published.hub.commit), atLeast: 1 },
      { what: "files that come back with their sha256", value: same.length, atLeast: published.files.length },
      { what: "metrics in the card's model-index", value: found.metrics, atLeast: 2 },
      { what: "tensors that PEFT loaded, equal to the file's", value: found.tensors, atLeast: TENSORS },
    ];
  } finally {
    repository.remove();
    rmSync(home, { recursive: true, force: true });
    await hub.close();
  }
}
