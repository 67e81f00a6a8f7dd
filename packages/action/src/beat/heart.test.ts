import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Heart } from "./heart.js";
import { signFile, signOfLife } from "./sign-of-life.js";

let root: string;
let heart: Heart;
/** What is on GitHub: name -> text of its files. */
let artifacts: Map<string, string>;
let isDown: boolean;
let say: (line: string) => void;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gitune-heart-"));
  artifacts = new Map();
  isDown = false;
  say = signOfLife({ RUNNER_TEMP: root });
  heart = new Heart({
    leg: 3,
    store: join(root, "store"),
    sign: signFile({ RUNNER_TEMP: root }) ?? "",
    temp: root,
    artifacts: {
      async upload(name, files, folder) {
        if (isDown) throw new Error("down");
        assert.ok(!artifacts.has(name), "an artifact cannot be changed");
        const texts = files.map((file) => `${file.slice(folder.length + 1)}: ${readFileSync(file, "utf8")}`);
        artifacts.set(name, texts.sort().join(", "));
      },
      async remove(name) {
        artifacts.delete(name);
      },
    },
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** @param minute when it was written */
function writeCheckpoint(step: number, minute: number): void {
  const path = join(root, `store/work/key/checkpoints/step-${step}/state.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `step ${step}`);
  const at = new Date(Date.UTC(2026, 0, 1, 0, minute));
  utimesSync(path, at, at);
}

describe("a heartbeat", () => {
  it("comes with new lines alone: what hangs repeats itself", async () => {
    await heart.beat();
    assert.deepEqual([...artifacts.keys()], []);
    say("train: 1/100 steps");
    await heart.beat();
    assert.deepEqual([...artifacts.keys()], ["gitune-beat-3"]);
    artifacts.clear();
    say("train: 1/100 steps");
    await heart.beat();
    assert.deepEqual([...artifacts.keys()], []);
  });

  it("brings the newest checkpoint, once, and never removes one before the next is there", async () => {
    writeCheckpoint(10, 1);
    await heart.beat();
    assert.equal(
      artifacts.get("gitune-store-3-checkpoint-a"),
      `${join("work/key/checkpoints/step-10/state.json")}: step 10`,
    );
    writeCheckpoint(20, 2);
    await heart.beat();
    assert.deepEqual([...artifacts.keys()].sort(), ["gitune-beat-3", "gitune-store-3-checkpoint-b"]);
    assert.match(artifacts.get("gitune-store-3-checkpoint-b") ?? "", /step 20/);
    await heart.stop();
    assert.deepEqual([...artifacts.keys()], []);
  });

  it("that could not be sent is sent the next time", async () => {
    writeCheckpoint(10, 1);
    artifacts.set("gitune-beat-3", "of an attempt before");
    isDown = true;
    await assert.rejects(heart.beat(), /down/);
    isDown = false;
    await heart.beat();
    assert.deepEqual([...artifacts.keys()].sort(), ["gitune-beat-3", "gitune-store-3-checkpoint-a"]);
  });
});
