import { GituneError, InternalError } from "@gitune/core";
import type { Tensor as TfTensor } from "@tensorflow/tfjs-core";
import { type Node, topologicalOrder } from "../../ir/node.js";
import type { Sizes } from "../../ir/symbol.js";
import type { PrimitiveName } from "../../ops/table.js";
import { boundAttrs, readSizes } from "../../passes/bind-symbols.js";
import { expandComposites } from "../../passes/expand-composites.js";
import type { Backend, Executable, Feeds, Tensor } from "../backend.js";
import { fromTf, toTf } from "./convert.js";
import { KeptTensors } from "./kept-tensors.js";
import { loadTfjs, type Tf, type TfjsOptions } from "./load.js";
import { LOWER } from "./lower.js";

/**
 * TensorFlow.js in this thread, op by op: `run` blocks it, so the engine lives in a worker (`engine/worker.ts`).
 * TensorFlow.js has one engine a thread, so a thread has one runtime.
 */
export function tfjsBackend(options: TfjsOptions): Backend {
  let loading: Promise<Tf> | null = null;
  const weights = new KeptTensors();
  return {
    name: options.runtime,
    compile: async (outputs) => {
      loading ??= loadTfjs(options);
      return new TfjsExecutable(await loading, outputs, weights);
    },
  };
}

class TfjsExecutable implements Executable {
  readonly #tf: Tf;
  readonly #names: readonly string[];
  readonly #roots: readonly Node[];
  readonly #order: readonly Node[];
  readonly #inputs: readonly Node[];
  /** After each node: those whose last user it was. */
  readonly #lastUses: ReadonlyMap<Node, readonly Node[]>;
  readonly #weights: KeptTensors;
  /** Weights and literals: there for the session's life. */
  readonly #fixed = new Map<Node, TfTensor>();

  constructor(tf: Tf, outputs: Readonly<Record<string, Node>>, weights: KeptTensors) {
    this.#tf = tf;
    this.#weights = weights;
    this.#names = Object.keys(outputs);
    this.#roots = expandComposites(Object.values(outputs));
    const order = topologicalOrder(this.#roots);
    for (const node of order) {
      if (node.def.name === "weight") this.#fixed.set(node, weights.take(tf, node));
      if (node.def.name === "constant") this.#fixed.set(node, toTf(tf, literal(node)));
    }
    this.#order = order.filter((node) => !this.#fixed.has(node));
    this.#inputs = order.filter(({ def }) => def.name === "input");
    this.#lastUses = lastUses(this.#order, this.#roots);
  }

  async run(feeds: Feeds, into: Feeds = {}): Promise<Record<string, Tensor>> {
    const values = new Map<Node, TfTensor>();
    try {
      const sizes = readSizes(this.#inputs, feeds);
      for (const node of this.#order) {
        values.set(node, this.#compute(node, feeds, values, sizes));
        for (const done of this.#lastUses.get(node) ?? []) {
          values.get(done)?.dispose();
          values.delete(done);
        }
      }
      return Object.fromEntries(
        this.#names.map((name, i) => {
          const root = this.#roots[i]!;
          return [name, fromTf(this.#valueOf(root, values), root.dtype, into[name]?.data)];
        }),
      );
    } catch (cause) {
      throw runtimeError(cause);
    } finally {
      for (const tensor of values.values()) tensor.dispose();
    }
  }

  async close(): Promise<void> {
    for (const [node, tensor] of this.#fixed) {
      if (node.def.name === "weight") this.#weights.letGo(node);
      else tensor.dispose();
    }
    this.#fixed.clear();
  }

  #compute(node: Node, feeds: Feeds, values: ReadonlyMap<Node, TfTensor>, sizes: Sizes): TfTensor {
    const tf = this.#tf;
    if (node.def.name === "input") {
      const name = String(node.attrs["name"]);
      const fed = feeds[name];
      if (!fed) throw new InternalError(`input ${name} is not fed`);
      return toTf(tf, fed);
    }
    const src = node.src.map((source) => this.#valueOf(source, values));
    const kernel = LOWER[node.def.name as PrimitiveName];
    const shape = node.graph.symbols.resolveShape(node.shape, sizes);
    return tf.tidy(() => kernel({ tf, src, attrs: boundAttrs(node, sizes), shape }));
  }

  #valueOf(node: Node, values: ReadonlyMap<Node, TfTensor>): TfTensor {
    const tensor = values.get(node) ?? this.#fixed.get(node);
    if (!tensor)
      throw new InternalError(`%${node.id} ${node.def.name} is used before it is computed, or after its last use`);
    return tensor;
  }
}

function literal(node: Node): Tensor {
  const data = node.graph.constantData(node);
  if (!data) throw new InternalError(`constant %${node.id} has no data`);
  return { data, shape: node.shape };
}

/** Outputs are used last by whoever reads them, after all nodes. */
function lastUses(order: readonly Node[], roots: readonly Node[]): Map<Node, Node[]> {
  const last = new Map<Node, Node>();
  for (const user of order) for (const node of [...user.src, user]) last.set(node, user);
  for (const root of roots) last.delete(root);
  const out = new Map<Node, Node[]>();
  for (const [node, user] of last) out.set(user, [...(out.get(user) ?? []), node]);
  return out;
}

function runtimeError(cause: unknown): unknown {
  if (cause instanceof GituneError || cause instanceof InternalError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const outOfMemory = /out of memory|OOM|Cannot enlarge memory|Array buffer allocation failed/i.test(text);
  return new GituneError(
    {
      code: outOfMemory ? "engine.out-of-memory" : "engine.runtime",
      severity: "error",
      message: outOfMemory ? "not enough memory for this model and batch" : `TensorFlow.js failed: ${text}`,
      ...(outOfMemory ? { fix: "lower train.micro_batch_size or train.max_length" } : {}),
    },
    { exitCode: 3, cause },
  );
}
