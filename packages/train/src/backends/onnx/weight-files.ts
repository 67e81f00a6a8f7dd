/** The checkpoint files that a model refers to, in the form in which ONNX Runtime takes them. */
import { realpathSync } from "node:fs";
import { dirname, relative, sep } from "node:path";
import type { OnnxTensor } from "./proto.js";

export class WeightFiles {
  /** As the graph names them -> where they really are. */
  readonly #paths = new Map<string, string>();

  add(file: string): void {
    this.#paths.set(file, realPath(file));
  }

  /** The deepest folder that has all files below it; null without files. */
  get folder(): string | null {
    const [first, ...rest] = this.#paths.values();
    if (first === undefined) return null;
    let folder = dirname(first);
    while (rest.some((file) => relative(folder, file).startsWith(".."))) folder = dirname(folder);
    return folder;
  }

  /** A weight with its file relative to the folder; any other literal as it is. */
  relativeTo(folder: string | null, tensor: OnnxTensor): OnnxTensor {
    if (tensor.data instanceof Uint8Array || folder === null) return tensor;
    const location = relative(folder, this.#paths.get(tensor.data.location)!).split(sep).join("/");
    return { ...tensor, data: { ...tensor.data, location } };
  }
}

/** The Hub's cache is full of links to blobs beside it, and ONNX Runtime refuses links that leave their folder. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // ONNX Runtime's own message says what is wrong with it.
  }
}
