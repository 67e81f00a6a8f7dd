/** The engine's thread. A backend's `run` blocks, so everything heavy happens here and the caller stays awake. */
import { parentPort, workerData } from "node:worker_threads";
import { GituneError, InternalError } from "@gitune/core";
import { onnxBackend } from "../backends/onnx/session.js";
import { tfjsBackend } from "../backends/tfjs/session.js";
import { DecodeEngine } from "./decode-engine.js";
import { withInt8 } from "./int8-base.js";
import type { Calls, EngineSettings, FromEngine, NewToken, Request, SentError, ToEngine } from "./protocol.js";
import { ScoreEngine } from "./score-engine.js";
import { TrainEngine } from "./train-engine.js";

type Handlers = {
  readonly [K in keyof Calls]: (context: Context, ...args: Calls[K]["args"]) => Promise<Calls[K]["result"]>;
};
interface Context {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  readonly onTokens: (tokens: readonly NewToken[]) => void;
  /** Rows that need no more tokens. */
  readonly ended: Set<number>;
}

const port = parentPort;
if (!port) throw new InternalError("engine/worker.js runs as a worker thread only");
const settings = workerData as EngineSettings;
const backend = settings.backend === "onnx" ? onnxBackend(settings) : tfjsBackend(settings);
let train: TrainEngine | null = null;
let decode: DecodeEngine | null = null;
let score: ScoreEngine | null = null;
const running = new Map<number, { readonly controller: AbortController; readonly ended: Set<number> }>();

function opened<T>(engine: T | null): T {
  if (!engine) throw new InternalError("the engine is not open");
  return engine;
}

const handlers: Handlers = {
  openTrain: async (_context, spec) => {
    train = new TrainEngine(await withInt8(spec), backend);
    return { tensors: train.tensors, size: train.size };
  },
  initialize: async (_context, seed) => opened(train).initialize(seed),
  step: async (_context, state, batches, learningRate) => opened(train).step(state, batches, learningRate),
  loss: async (_context, theta, batch) => opened(train).loss(theta, batch),
  openDecode: async (_context, spec) => {
    decode = new DecodeEngine(await withInt8(spec), backend);
    return null;
  },
  decode: async (context, prompts, options) => opened(decode).generate(prompts, options, context),
  openScore: async (_context, spec) => {
    score = new ScoreEngine(spec, backend);
    return null;
  },
  logits: async (_context, row) => opened(score).logits(row),
  close: async () => {
    for (const engine of [train, decode, score]) await engine?.close();
    train = null;
    decode = null;
    score = null;
    return null;
  },
};

const send = (message: FromEngine) => port.postMessage(message);

function describe(error: unknown): SentError {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error), stack: undefined, issues: null, exitCode: 3 };
  const known = error instanceof GituneError ? error : null;
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    issues: known?.issues ?? null,
    exitCode: known?.exitCode ?? 3,
  };
}

async function answer<K extends keyof Calls>({ id, call, args }: Request<K>): Promise<void> {
  const controller = new AbortController();
  const ended = new Set<number>();
  running.set(id, { controller, ended });
  try {
    const onProgress = (done: number, total: number) => send({ id, progress: { done, total } });
    const onTokens = (tokens: readonly NewToken[]) => send({ id, tokens });
    const context = { signal: controller.signal, onProgress, onTokens, ended };
    send({ id, result: await handlers[call](context, ...args) });
  } catch (error) {
    send({ id, error: describe(error) });
  } finally {
    running.delete(id);
  }
}

port.on("message", (message: ToEngine) => {
  if ("cancel" in message) running.get(message.cancel)?.controller.abort();
  else if ("end" in message) for (const row of message.rows) running.get(message.end)?.ended.add(row);
  else void answer(message);
});
