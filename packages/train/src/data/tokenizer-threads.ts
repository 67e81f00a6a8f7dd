import { Worker } from "node:worker_threads";
import { GituneError, InternalError, type Issue, type RowContent } from "@gitune/core";
import type { TokenizerFiles } from "../tokenizer/tokenizer.js";
import type { TokenizedRow } from "./encode-row.js";
import type { FromTokenizer, ToTokenizer } from "./tokenizer-worker.js";

interface Pending {
  readonly resolve: (rows: readonly (TokenizedRow | Issue)[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads that each hold a tokenizer of their own. Work goes to them in turn. */
export class TokenizerThreads {
  readonly #workers: readonly Worker[];
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;

  /** @param files are copied to each thread */
  constructor(count: number, files: TokenizerFiles) {
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL("./tokenizer-worker.js", import.meta.url), { workerData: files });
      worker.on("message", (message: FromTokenizer) => this.#receive(message));
      worker.on("error", (error) => this.#fail(error));
      worker.on("exit", (code) => this.#fail(new InternalError(`a tokenizer's thread ended with code ${code}`)));
      return worker;
    });
  }

  /** @throws {GituneError} `template.missing` */
  tokenize(contents: readonly RowContent[]): Promise<readonly (TokenizedRow | Issue)[]> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const message: ToTokenizer = { id, contents };
      this.#workers[id % this.#workers.length]!.postMessage(message);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #receive(message: FromTokenizer): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ("rows" in message) pending?.resolve(message.rows);
    // An error loses its class between threads.
    else pending?.reject(message.issues ? new GituneError(message.issues) : new InternalError(message.message));
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
