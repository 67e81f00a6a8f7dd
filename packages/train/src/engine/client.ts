import { SHARE_ENV, Worker } from "node:worker_threads";
import { GituneError, InternalError } from "@gitune/core";
import type { Calls, EngineSettings, FromEngine, NewToken, SentError, ToEngine } from "./protocol.js";

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  readonly hooks: CallHooks;
}

export interface CallHooks {
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Of a generation that reports its tokens: those of a step. @returns the rows that need no more */
  readonly onTokens?: ((tokens: readonly NewToken[]) => readonly number[]) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The engine's thread, seen from outside. One engine a thread; closing ends the thread. */
export class EngineThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #ended = false;

  constructor(settings: EngineSettings) {
    // A thread's own copy of the environment would be invisible to the native libraries that it loads.
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: settings, env: SHARE_ENV });
    this.#worker.on("message", (message: FromEngine) => this.#receive(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new InternalError(`the engine's thread ended with code ${code}`)));
  }

  call<K extends keyof Calls>(call: K, args: Calls[K]["args"], hooks: CallHooks = {}): Promise<Calls[K]["result"]> {
    if (this.#ended) return Promise.reject(new InternalError("the engine's thread has ended"));
    const id = this.#nextId++;
    const { signal } = hooks;
    return new Promise<Calls[K]["result"]>((resolve, reject) => {
      const cancel = () => this.#send({ cancel: id });
      signal?.addEventListener("abort", cancel, { once: true });
      const settle =
        <T>(done: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", cancel);
          done(value);
        };
      this.#pending.set(id, { resolve: settle(resolve as (value: never) => void), reject: settle(reject), hooks });
      this.#send({ id, call, args } as ToEngine);
    });
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    try {
      await this.call("close", []);
    } finally {
      this.#ended = true;
      await this.#worker.terminate();
    }
  }

  #send(message: ToEngine): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromEngine): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if ("progress" in message) {
      pending.hooks.onProgress?.(message.progress.done, message.progress.total);
      return;
    }
    if ("tokens" in message) {
      const rows = pending.hooks.onTokens?.(message.tokens) ?? [];
      if (rows.length > 0) this.#send({ end: message.id, rows });
      return;
    }
    this.#pending.delete(message.id);
    if ("error" in message) pending.reject(revive(message.error));
    else pending.resolve(message.result as never);
  }

  #fail(error: unknown): void {
    this.#ended = true;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** An error loses its class between threads: this gives it back. */
function revive({ name, message, stack, issues, exitCode }: SentError): Error {
  if (name === "AbortError") return new DOMException(message, name);
  const error = issues ? new GituneError(issues, { exitCode }) : new InternalError(message.replace(/^internal: /, ""));
  if (stack) error.stack = stack;
  return error;
}
