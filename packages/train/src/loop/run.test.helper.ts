/**
 * A whole small run, for tests in this process and, as a program of its own, for tests that kill it:
 * `node run.test.helper.js <out> <step delay in ms>` resumes the run in `out`, which keeps its best, and writes
 * `theta.sha256` there.
 */
import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { argv } from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { GituneError, type Row, type TrainConfig } from "@gitune/core";
import { type EncodedRows, encodeRows } from "../data/encoded-rows.js";
import { loadTokenizer } from "../tokenizer/tokenizer.js";
import type { TrainProgram } from "./program.js";
import { softmaxProgram } from "./softmax-program.test.helper.js";
import { runTraining, type TrainingOptions, type TrainingResult } from "./train.js";

const FIXTURE = fileURLToPath(new URL("../../test/fixtures/tiny-chat", import.meta.url));
const UNSEEN = ["invoice", "ticket", "device"];
const SUBJECTS = ["parcel", "order", "account", "address", "refund", "message", "customer"];

export const recipe: TrainConfig = {
  base: "models/none",
  revision: null,
  engine: "native",
  compute: "f32",
  mmap: false,
  device: "cpu",
  technique: { type: "full" },
  epochs: 3,
  maxSteps: null,
  batchSize: 4,
  microBatchSize: 2,
  maxLength: 64,
  overflow: "error",
  packing: false,
  learningRate: 0.05,
  schedule: "cosine",
  warmupRatio: 0.1,
  weightDecay: 0,
  maxGradNorm: 1,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  seed: 42,
  checkpointSteps: 2,
  evalSteps: null,
  earlyStopping: null,
  loadBestModelAtEnd: false,
  lossSpikeFactor: 2,
  reportTo: [],
};

/** Learns too fast, so that the best validation loss is neither the first nor the last, and stops before the end. */
export const bestRecipe: TrainConfig = {
  ...recipe,
  learningRate: 1,
  evalSteps: 1,
  earlyStopping: { patience: 4, minDelta: 0 },
  loadBestModelAtEnd: true,
  lossSpikeFactor: 0,
};

export const demoRows = (): Promise<EncodedRows> => rowsAbout(SUBJECTS, "train.jsonl");
/** Rows for validation, none of them trained on. */
export const unseenRows = (): Promise<EncodedRows> => rowsAbout(UNSEEN, "validation.jsonl");

async function rowsAbout(subjects: readonly string[], file: string): Promise<EncodedRows> {
  const tokenizer = await loadTokenizer(FIXTURE);
  const rows = subjects.flatMap((subject, index): Row[] => [
    rowOf(`Where is my ${subject}?`, `The ${subject} is on its way.`, file, 2 * index + 1),
    rowOf(`Change the ${subject}`, `We change the ${subject} today, thank you for your message.`, file, 2 * index + 2),
  ]);
  return encodeRows(rows, tokenizer, recipe);
}

function rowOf(user: string, assistant: string, file: string, line: number): Row {
  const messages = [
    { role: "user" as const, content: user },
    { role: "assistant" as const, content: assistant },
  ];
  return { key: String(line), hash: "", value: {}, content: { kind: "messages", messages }, file, line };
}

/** Runs the demo in `out`; every option can be replaced. */
export async function demoRun(out: string, options: Partial<TrainingOptions> = {}): Promise<TrainingResult> {
  const encoded = options.encoded ?? (await demoRows());
  return runTraining({ program: demoProgram(), encoded, recipe, out, resume: false, ...options });
}

export function demoProgram(beforeStep?: (step: number) => Promise<void> | void): TrainProgram {
  return softmaxProgram({ vocabSize: 370, ...(beforeStep === undefined ? {} : { beforeStep }) });
}

/** sha256 over theta's bytes. */
export function thetaSha256({ theta }: TrainingResult): string {
  return createHash("sha256")
    .update(new Uint8Array(theta.buffer, theta.byteOffset, theta.byteLength))
    .digest("hex");
}

const isMain = argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href;
if (isMain) {
  const [out = "", delayMs = "0"] = argv.slice(2);
  const program = demoProgram(async () => {
    await setTimeout(Number(delayMs));
  });
  console.log("started");
  try {
    const result = await demoRun(out, {
      program,
      resume: true,
      validation: await unseenRows(),
      recipe: { ...bestRecipe, checkpointSteps: 1 },
    });
    await writeFile(join(out, "theta.sha256"), thetaSha256(result));
  } catch (error) {
    if (!(error instanceof GituneError)) throw error;
    const left = await readdir(join(out, "checkpoints"));
    console.log(`code ${error.issues[0]?.code}, exit code ${error.exitCode}, left: ${JSON.stringify(left)}`);
    process.exitCode = error.exitCode;
  }
}
