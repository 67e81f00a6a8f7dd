import { GituneError, InternalError } from "@gitune/core";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Backend, Executable, Feeds, Tensor, TensorData } from "../backend.js";
import { lowerToOnnx } from "./lower.js";
import { mostThreads } from "./thread-split.js";

export interface OnnxOptions {
  /** Threads inside one op. */
  readonly threads: number;
  /** ONNX Runtime's execution providers, first choice first. */
  readonly providers?: readonly string[];
}

/**
 * ONNX Runtime in this thread: `run` blocks it, so the engine lives in a worker (`engine/worker.ts`).
 * The native module is loaded here and nowhere else.
 */
export function onnxBackend({ threads, providers = ["cpu"] }: OnnxOptions): Backend {
  return {
    name: "onnx",
    compile: async (outputs, { weights = "packed", columns = Number.POSITIVE_INFINITY } = {}) => {
      const ort = await loadRuntime();
      const used = Math.min(threads, mostThreads(columns));
      const model = lowerToOnnx(outputs, { threads: used, weights });
      const options: InferenceSession.SessionOptions = {
        executionProviders: [...providers],
        intraOpNumThreads: used,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        // Measured on a LoRA step of a 135M model: 4.25 -> 2.8 GB at the same speed.
        enableMemPattern: false,
        logSeverityLevel: 3,
        extra: {
          // Values that are made twice on purpose, so as not to be kept for the backward pass, must stay two: with dropout on
          // all linear layers of ten layers of a 135M model, 1.40 -> 1.13 GB. Our own graphs have no other ones.
          optimization: { disable_specified_optimizers: "CommonSubexpressionElimination" },
          session: {
            // Threads that spin while they wait halve the speed of a machine that has other work, and gain nothing on an idle one.
            intra_op: { allow_spinning: "0" },
            ...(weights === "mapped" ? { disable_prepacking: "1" } : {}),
            ...(model.weightsFolder ? { model_external_initializers_file_folder_path: model.weightsFolder } : {}),
          },
        },
      };
      const session = await createSession(() => ort.InferenceSession.create(model.bytes, options));
      return new OnnxExecutable(
        ort.Tensor,
        session,
        model.inputs.map((input) => input.name),
      );
    },
  };
}

async function loadRuntime(): Promise<typeof import("onnxruntime-node")> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new GituneError(
      {
        code: "engine.missing",
        severity: "error",
        message: `ONNX Runtime does not load: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
        fix: "ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node (the CPU files are in the package; skip leaves CUDA's out)",
      },
      { exitCode: 3, cause },
    );
  }
}

async function createSession(create: () => Promise<InferenceSession>): Promise<InferenceSession> {
  try {
    return await create();
  } catch (cause) {
    throw runtimeError("ONNX Runtime refused the model", cause);
  }
}

function runtimeError(what: string, cause: unknown): GituneError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const outOfMemory = /bad_alloc|Failed to allocate memory|out of memory/i.test(text);
  return new GituneError(
    {
      code: outOfMemory ? "engine.out-of-memory" : "engine.runtime",
      severity: "error",
      message: outOfMemory ? "not enough memory for this model and batch" : `${what}: ${text}`,
      ...(outOfMemory ? { fix: "set train.mmap, or lower train.micro_batch_size or train.max_length" } : {}),
    },
    { exitCode: 3, cause },
  );
}

class OnnxExecutable implements Executable {
  readonly #Tensor: typeof OrtTensor;
  readonly #session: InferenceSession;
  readonly #inputs: readonly string[];

  constructor(tensor: typeof OrtTensor, session: InferenceSession, inputs: readonly string[]) {
    this.#Tensor = tensor;
    this.#session = session;
    this.#inputs = inputs;
  }

  async run(feeds: Feeds, into: Feeds = {}): Promise<Record<string, Tensor>> {
    const inputs: Record<string, OrtTensor> = {};
    for (const name of this.#inputs) {
      const tensor = feeds[name];
      if (!tensor) throw new InternalError(`input ${name} is not fed`);
      inputs[name] = this.#tensor(tensor);
    }
    const fetches: Record<string, OrtTensor | null> = {};
    for (const name of this.#session.outputNames) {
      const given = into[name];
      fetches[name] = given ? this.#tensor(given) : null;
    }
    try {
      const out = await this.#session.run(inputs, fetches);
      return Object.fromEntries(
        Object.entries(out).map(([name, value]) => [name, { data: value.data as TensorData, shape: value.dims }]),
      );
    } catch (cause) {
      throw runtimeError("ONNX Runtime failed", cause);
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #tensor({ data, shape }: Tensor): OrtTensor {
    if (data instanceof BigInt64Array) return new this.#Tensor("int64", data, [...shape]);
    if (data instanceof Uint8Array) return new this.#Tensor("uint8", data, [...shape]);
    return new this.#Tensor("float32", data, [...shape]);
  }
}
