import { InternalError } from "@gitune/core";
import type { Tensor as TfTensor } from "@tensorflow/tfjs-core";
import type { Node } from "../../ir/node.js";
import { readWeight } from "../../weights/read-weight.js";
import { toTf } from "./convert.js";
import type { Tf } from "./load.js";

interface Kept {
  readonly tensor: TfTensor;
  users: number;
}

/**
 * Frozen weights as tensors: each is read from its file once, whichever sessions use it, and let go with the last of
 * them. A checkpoint in half precision takes twice its size here, since arithmetic is f32.
 */
export class KeptTensors {
  readonly #kept = new Map<string, Kept>();

  take(tf: Tf, node: Node): TfTensor {
    const { key, source } = placeOf(node);
    const kept = this.#kept.get(key) ?? {
      tensor: toTf(tf, { data: readWeight(source, node.dtype), shape: node.shape }),
      users: 0,
    };
    kept.users++;
    this.#kept.set(key, kept);
    return kept.tensor;
  }

  letGo(node: Node): void {
    const { key } = placeOf(node);
    const kept = this.#kept.get(key);
    if (!kept) throw new InternalError(`weight ${String(node.attrs["name"])} was let go before`);
    kept.users--;
    if (kept.users > 0) return;
    kept.tensor.dispose();
    this.#kept.delete(key);
  }
}

function placeOf(node: Node) {
  const source = node.graph.weightSource(node);
  if (!source) throw new InternalError(`weight ${String(node.attrs["name"])} has no source`);
  return { source, key: `${source.file}|${source.offset}|${node.dtype}|${node.shape.join(",")}` };
}
