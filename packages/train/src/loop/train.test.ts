import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { GituneError, hashFile, type Issue, type ProgressEvent } from "@gitune/core";
import type { EncodedRows } from "../data/encoded-rows.js";
import { readTensor, writeSafetensors } from "../weights/safetensors.js";
import { bestRecipe, demoProgram, demoRows, demoRun, recipe, thetaSha256, unseenRows } from "./run.test.helper.js";
import type { TrainingResult } from "./train.js";
import { planValidation, validationLoss } from "./validation.js";

const HELPER = fileURLToPath(new URL("./run.test.helper.js", import.meta.url));
const TOTAL_STEPS = 12; // 14 rows, 4 a step, 3 epochs

const failsWith = (code: string, exitCode: number, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GituneError, String(error));
  assert.equal(error.issues[0]?.code, code);
  assert.equal(error.exitCode, exitCode);
  assert.match(error.message, text);
  return true;
};

/** Puts other vectors into a checkpoint, with the right hash: what only a look at them finds. */
async function forge(folder: string, change: (vector: Float32Array<ArrayBufferLike>) => Float32Array): Promise<void> {
  const [weights, stateFile] = [join(folder, "state.safetensors"), join(folder, "state.json")];
  const tensors = await Promise.all(
    ["theta", "m", "v"].map(async (name) => {
      const data = change(await readTensor(weights, name));
      return { name, shape: [data.length], data };
    }),
  );
  await writeSafetensors(weights, tensors);
  const state = JSON.parse(await readFile(stateFile, "utf8")) as object;
  await writeFile(stateFile, JSON.stringify({ ...state, weightsSha256: await hashFile(weights) }));
}

/** Throws in the given step, as a crash would. */
const crashAt = (at: number): ((step: number) => void) => {
  return (step) => {
    if (step === at) throw new Error("crash");
  };
};

describe("runTraining", () => {
  let root = "";
  let encoded: EncodedRows;
  let undisturbed = "";
  let validation: EncodedRows;
  let undisturbedBest: TrainingResult;
  let count = 0;
  const folder = (): string => join(root, String(count++));
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "gitune-train-"));
    encoded = await demoRows();
    undisturbed = thetaSha256(await demoRun(folder(), { encoded }));
    validation = await unseenRows();
    undisturbedBest = await demoRun(folder(), { encoded, validation, recipe: bestRecipe });
  });
  after(() => rm(root, { recursive: true, force: true }));

  const crashedRun = async (at: number): Promise<string> => {
    const out = folder();
    await assert.rejects(demoRun(out, { encoded, program: demoProgram(crashAt(at)) }), /crash/);
    return out;
  };
  const checkpoints = (out: string): Promise<string[]> => readdir(join(out, "checkpoints"));

  it("learns, and says how it went", async () => {
    const out = folder();
    const events: ProgressEvent[] = [];
    const result = await demoRun(out, { encoded, onProgress: (event) => events.push(event) });
    assert.equal(result.steps, TOTAL_STEPS);
    assert.equal(result.losses.length, TOTAL_STEPS);
    assert.ok(result.losses.at(-1)! < 0.93 * result.losses[0]!, result.losses.join(" "));
    assert.equal(result.tokens, 3 * encoded.stats.tokens);
    assert.equal(result.epochs, 3);
    assert.deepEqual([events[0]?.done, events.at(-1)?.done, events[0]?.total], [1, TOTAL_STEPS, TOTAL_STEPS]);
    assert.equal(typeof events[0]?.detail?.["loss"], "number");
    const state = JSON.parse(await readFile(join(out, "trainer_state.json"), "utf8")) as {
      log_history: { step: number; loss: number; learning_rate: number }[];
    };
    assert.equal(state.log_history.length, TOTAL_STEPS + 1, "a summary comes last");
    assert.equal(state.log_history[0]?.learning_rate, 0);
    assert.equal(state.log_history[2]?.learning_rate, 0.05);
    assert.equal(thetaSha256(result), undisturbed);
  });

  it("gives the same loss and nearly the same weights for every micro-batch size", async () => {
    const one = await demoRun(folder(), { encoded, recipe: { ...recipe, microBatchSize: 4 } });
    const four = await demoRun(folder(), { encoded, recipe: { ...recipe, microBatchSize: 1 } });
    for (const [step, loss] of one.losses.entries()) assert.ok(Math.abs(loss - four.losses[step]!) < 1e-5);
    assert.ok(one.theta.every((value, index) => Math.abs(value - four.theta[index]!) < 1e-3));
  });

  it("ends in the same bytes from wherever it is resumed", async () => {
    for (const at of [0, 1, 5, 8, 11]) {
      const out = await crashedRun(at);
      const resumed = await demoRun(out, { encoded, resume: true });
      assert.equal(resumed.resumedFrom, at - (at % 2));
      assert.equal(thetaSha256(resumed), undisturbed, `crash in step ${at}`);
      assert.equal(resumed.losses.length, TOTAL_STEPS);
    }
  });

  it("keeps the newest two checkpoints, and none of a run that starts anew", async () => {
    const out = await crashedRun(9);
    assert.deepEqual((await checkpoints(out)).sort(), ["step-6", "step-8"]);
    await mkdir(join(out, "checkpoints", "tmp-1-step-9"));
    await assert.rejects(demoRun(out, { encoded, program: demoProgram(crashAt(3)) }), /crash/);
    assert.deepEqual(await checkpoints(out), ["step-2"]);
  });

  it("skips a damaged checkpoint with a warning and takes the one before", async () => {
    const damages: ((folder: string) => Promise<void>)[] = [
      (at) => truncate(join(at, "state.safetensors"), 1000),
      (at) => writeFile(join(at, "state.json"), '{"version":1'),
      (at) => rm(join(at, "state.json")),
      async (at) => {
        const bytes = await readFile(join(at, "state.safetensors"));
        bytes[bytes.length - 1]! ^= 1;
        await writeFile(join(at, "state.safetensors"), bytes);
      },
      (at) => forge(at, (vector) => vector.fill(Number.NaN, -1)),
      (at) => forge(at, (vector) => vector.slice(1)),
      (at) => forge(at, (vector) => new Float32Array(2 * vector.length)),
      async (at) => {
        await rename(join(at, "state.json"), join(root, "elsewhere.json"));
        await symlink(join(root, "elsewhere.json"), join(at, "state.json"));
      },
      async (at) => {
        await rename(at, join(root, "elsewhere"));
        await symlink(join(root, "elsewhere"), at);
      },
    ];
    for (const damage of damages) {
      const out = await crashedRun(9);
      await damage(join(out, "checkpoints", "step-8"));
      const warnings: Issue[] = [];
      const resumed = await demoRun(out, { encoded, resume: true, onWarning: (issue) => warnings.push(issue) });
      assert.equal(resumed.resumedFrom, 6);
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ["resume.damaged"],
      );
      assert.equal(thetaSha256(resumed), undisturbed);
    }
  });

  it("refuses to go on with another recipe, other rows, another base or another length", async () => {
    const out = await crashedRun(9);
    const others = [
      { recipe: { ...recipe, learningRate: 0.01 } },
      { encoded: { ...encoded, sha256: "0" } },
      { fingerprint: "another base" },
      { maxSteps: 20 },
    ];
    for (const other of others) {
      await assert.rejects(
        demoRun(out, { encoded, ...other, resume: true }),
        failsWith("resume.mismatch", 2, /would mix two runs/),
      );
    }
    const rarer = { ...recipe, checkpointSteps: 5, device: "auto" as const };
    assert.equal(thetaSha256(await demoRun(out, { encoded, recipe: rarer, resume: true })), undisturbed);
  });

  it("stops at a loss that is no number, naming the rows and the last good state", async () => {
    const program = demoProgram();
    const broken = {
      ...program,
      step: async (...args: Parameters<typeof program.step>) => {
        const result = await program.step(...args);
        return args[0].step === 7 ? { ...result, loss: Number.NaN } : result;
      },
    };
    const out = folder();
    await assert.rejects(demoRun(out, { encoded, program: broken }), (error: unknown) => {
      failsWith("train.nan", 2, /step 8 of 12: loss NaN.*step-6/)(error);
      assert.match((error as GituneError).issues[0]?.found ?? "", /^the step's rows: (train\.jsonl:\d+(, )?){2,4}$/);
      return true;
    });
    assert.deepEqual((await checkpoints(out)).sort(), ["step-4", "step-6"]);
  });

  it("stops cleanly when asked, with a checkpoint, even where none are written otherwise", async () => {
    const out = folder();
    const controller = new AbortController();
    const program = demoProgram((step) => (step === 4 ? controller.abort() : undefined));
    const rare = { ...recipe, checkpointSteps: 0 };
    await assert.rejects(
      demoRun(out, { encoded, program, recipe: rare, signal: controller.signal }),
      failsWith("train.interrupted", 3, /after step 5 of 12/),
    );
    assert.deepEqual(await checkpoints(out), ["step-5"]);
    assert.equal(thetaSha256(await demoRun(out, { encoded, recipe: rare, resume: true })), undisturbed);
  });

  it("reports a folder it cannot write to, exit code 3, nothing half-written", async () => {
    const out = folder();
    await mkdir(out);
    await writeFile(join(out, "checkpoints"), "a file where a folder must be");
    await assert.rejects(demoRun(out, { encoded }), failsWith("disk.write", 3, /cannot write/));
    assert.deepEqual(await readdir(out), ["checkpoints"]);
  });

  it("runs for max_steps", async () => {
    assert.equal((await demoRun(folder(), { encoded, maxSteps: 2 })).steps, 2);
  });

  it("takes the same steps whether rows share lanes or not", async () => {
    const packed = await demoRun(folder(), { encoded, recipe: { ...recipe, packing: true } });
    const apart = await demoRun(folder(), { encoded });
    for (const [step, loss] of packed.losses.entries()) {
      assert.ok(Math.abs(loss - apart.losses[step]!) < 1e-5 * loss, `step ${step}: ${loss} and ${apart.losses[step]}`);
    }
  });

  it("takes validation losses after each epoch, and changes no byte by it", async () => {
    const result = await demoRun(folder(), { encoded, validation });
    assert.deepEqual(
      result.evals.map(({ step }) => step),
      [4, 8, 12],
    );
    assert.equal(thetaSha256(result), undisturbed);
    const again = await validationLoss(demoProgram(), result.theta, planValidation(validation, recipe), 0);
    assert.equal(again, result.evals.at(-1)?.loss);
    const off = await demoRun(folder(), { encoded, validation, recipe: { ...recipe, evalSteps: 0 } });
    assert.deepEqual(off.evals, []);
  });

  it("the validation loss is the mean over all labels, however the split is cut into passes", async () => {
    const { theta } = undisturbedBest;
    const losses = [];
    for (const [batchSize, microBatchSize] of [
      [1, 1],
      [4, 2],
      [64, 64],
    ] as const) {
      const plan = planValidation(validation, { ...recipe, batchSize, microBatchSize });
      losses.push(await validationLoss(demoProgram(), theta, plan, 0));
    }
    for (const loss of losses) assert.ok(Math.abs(loss! - losses[0]!) < 1e-6, losses.join(" "));
  });

  it("stops when the validation loss no longer falls, and keeps the best", async () => {
    const { steps, totalSteps, keptStep, best, evals, isStoppedEarly, theta } = undisturbedBest;
    assert.deepEqual([steps, totalSteps, keptStep, isStoppedEarly], [10, TOTAL_STEPS, 6, true]);
    assert.equal(best?.loss, Math.min(...evals.map(({ loss }) => loss)));
    assert.equal(await validationLoss(demoProgram(), theta, planValidation(validation, recipe), 0), best?.loss);
    const last = await demoRun(folder(), {
      encoded,
      validation,
      recipe: { ...bestRecipe, loadBestModelAtEnd: false },
    });
    assert.deepEqual([last.steps, last.keptStep], [10, 10]);
    assert.notEqual(thetaSha256(last), thetaSha256(undisturbedBest));
  });

  it("resumes best, patience and validation losses to the same end, also from within a validation", async () => {
    const options = { encoded, validation, recipe: bestRecipe };
    for (const at of [1, 5, 7, 8, 9]) {
      const out = folder();
      await assert.rejects(demoRun(out, { ...options, program: demoProgram(crashAt(at)) }), /crash/);
      const resumed = await demoRun(out, { ...options, resume: true });
      assert.deepEqual([resumed.steps, resumed.keptStep], [10, 6], `crash in step ${at}`);
      assert.equal(thetaSha256(resumed), thetaSha256(undisturbedBest), `crash in step ${at}`);
      assert.deepEqual(
        resumed.evals.map(({ step, loss }) => [step, loss]),
        undisturbedBest.evals.map(({ step, loss }) => [step, loss]),
      );
    }
    const out = folder();
    const controller = new AbortController();
    const program = demoProgram();
    let passes = 0;
    const stopping = {
      ...program,
      loss: (...args: Parameters<typeof program.loss>) => {
        if (++passes === 20) controller.abort();
        return program.loss(...args);
      },
    };
    await assert.rejects(
      demoRun(out, { ...options, program: stopping, signal: controller.signal }),
      failsWith("train.interrupted", 3, /after step 7 of 12/),
    );
    assert.equal(thetaSha256(await demoRun(out, { ...options, resume: true })), thetaSha256(undisturbedBest));
  });

  it("refuses to go on with other validation rows", async () => {
    const out = await crashedRun(9);
    await assert.rejects(demoRun(out, { encoded, validation, resume: true }), failsWith("resume.mismatch", 2, /rows/));
  });

  it("stops at a spike, naming the rows and the last good state; without the check it goes on from there", async () => {
    const long = { ...recipe, epochs: 12, checkpointSteps: 10 };
    const program = demoProgram();
    const spiking = {
      ...program,
      step: async (...args: Parameters<typeof program.step>) => {
        const result = await program.step(...args);
        return args[0].step >= 30 ? { ...result, loss: 99 } : result;
      },
    };
    const out = folder();
    await assert.rejects(demoRun(out, { encoded, recipe: long, program: spiking }), (error: unknown) => {
      failsWith("train.spike", 2, /from step 31 of 48 on the loss is 99\.0, .*step-20$/m)(error);
      assert.match((error as GituneError).issues[0]?.found ?? "", /^the step's rows: (train\.jsonl:\d+(, )?){2,4}$/);
      return true;
    });
    const resumed: number[] = [];
    const off = { ...long, lossSpikeFactor: 0 };
    await demoRun(out, { encoded, recipe: off, resume: true, onResume: (...at) => resumed.push(...at) });
    assert.deepEqual(resumed, [30, 48]);
  });

  it("says all of a run in trainer_state.json, as transformers names it", async () => {
    const out = folder();
    const result = await demoRun(out, { encoded, validation, recipe: bestRecipe });
    const state = JSON.parse(await readFile(join(out, "trainer_state.json"), "utf8"));
    assert.deepEqual(
      [state.global_step, state.max_steps, state.epoch, state.stopped_early],
      [10, TOTAL_STEPS, 2.5, true],
    );
    assert.deepEqual([state.best_global_step, state.best_metric], [6, result.best?.loss]);
    assert.equal(state.num_input_tokens_seen, result.tokens);
    assert.ok(state.padding_share > 0 && state.padding_share < 0.9, state.padding_share);
    assert.ok(state.peak_memory_bytes > 1e7);
    const { tokens, supervisedTokens, longest } = encoded.stats;
    assert.deepEqual(state.rows, {
      used: 14,
      cut: 0,
      cut_tokens: 0,
      dropped: 0,
      tokens,
      supervised_tokens: supervisedTokens,
      longest,
    });
    assert.equal(state.validation_rows.used, 6);
    const [first, second] = state.log_history;
    assert.deepEqual(Object.keys(first), ["epoch", "grad_norm", "learning_rate", "loss", "step"]);
    assert.deepEqual([second.step, second.epoch, second.eval_loss], [1, 0.25, result.evals[0]?.loss]);
    assert.deepEqual(state.log_history.length, 10 + 10 + 1);
  });

  it("writes event files for TensorBoard, where they are asked for; a resumed run adds one of its own", async () => {
    const logged = { ...recipe, reportTo: ["tensorboard"] as const };
    const out = folder();
    await assert.rejects(demoRun(out, { encoded, recipe: logged, program: demoProgram(crashAt(5)) }), /crash/);
    const result = await demoRun(out, { encoded, validation: null, recipe: logged, resume: true });
    assert.equal(result.resumedFrom, 4);
    assert.equal(thetaSha256(result), undisturbed);
    const files = (await readdir(join(out, "runs"))).sort();
    assert.equal(files.length, 2);
    assert.ok(
      files.every((name) => /^events\.out\.tfevents\.\d{10}\.gitune\.\d+\.\d$/.test(name)),
      files.join(" "),
    );
    // Version and start take 40 and 32 bytes (31 below step 128), a step's three scalars the same each time.
    const sizes = await Promise.all(files.map(async (name) => (await readFile(join(out, "runs", name))).length));
    assert.equal((sizes[0]! - 71) / 5, (sizes[1]! - 71) / 8);
    await demoRun(out, { encoded, recipe: logged });
    assert.equal((await readdir(join(out, "runs"))).length, 1, "a run that starts anew");
    assert.deepEqual((await readdir(await crashedRun(3))).sort(), ["checkpoints"]);
  });

  it("survives kill -9 at random moments: five resumes, the same bytes", { timeout: 120_000 }, async () => {
    const out = folder();
    const run = async (killAfterMs: number | null): Promise<NodeJS.Signals | null> => {
      const child = spawn(process.execPath, [HELPER, out, "60"], { stdio: ["ignore", "pipe", "inherit"] });
      const ended = once(child, "exit");
      await once(child.stdout, "data");
      if (killAfterMs !== null) {
        await setTimeout(killAfterMs);
        child.kill("SIGKILL");
      }
      return (await ended)[1] as NodeJS.Signals | null;
    };
    // Long enough to load and do some steps, too short to finish.
    let kills = 0;
    for (let part = 0; part < 5; part++) kills += (await run(150 + Math.random() * 350)) === "SIGKILL" ? 1 : 0;
    assert.ok(kills >= 2, `only ${kills} kills came in time`);
    await run(null);
    assert.equal(await readFile(join(out, "theta.sha256"), "utf8"), thetaSha256(undisturbedBest));
  });
});

describe("a full disk", () => {
  it("is a clear error, exit code 3, and leaves no part of a checkpoint", { timeout: 60_000 }, async (context) => {
    // A file system of its own, 600 KB: one checkpoint of 1.6 MB does not fit. Needs user namespaces.
    const script = 'mount -t tmpfs -o size=600k none "$1" && exec "$2" "$3" "$1" 0; exit 77';
    const at = await mkdtemp(join(tmpdir(), "gitune-full-"));
    const child = spawn("unshare", ["-rm", "sh", "-c", script, "sh", at, process.execPath, HELPER], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    // Rejected where there is no `unshare` at all.
    const [code] = (await once(child, "close").catch(() => [null])) as [number | null];
    await rm(at, { recursive: true, force: true });
    if (code === 77 || code === null || !output.includes("started")) {
      return context.skip("no user namespaces or tmpfs here");
    }
    assert.match(output, /code disk\.full, exit code 3, left: \[\]/);
  });
});
