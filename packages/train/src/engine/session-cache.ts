import type { Backend, Executable } from "../backends/backend.js";
import type { Node } from "../ir/node.js";

/**
 * Compiled graphs by key, the least recently used dropped first: each holds its own copy of what it cast or packed.
 */
export class SessionCache {
  readonly #backend: Backend;
  readonly #limit: number;
  readonly #sessions = new Map<string, Promise<Executable>>();

  constructor(backend: Backend, limit: number) {
    this.#backend = backend;
    this.#limit = limit;
  }

  async get(key: string, build: () => Readonly<Record<string, Node>>): Promise<Executable> {
    const session = this.#sessions.get(key) ?? this.#backend.compile(build());
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > this.#limit && oldest !== undefined) await this.#drop(oldest);
    return session;
  }

  async close(): Promise<void> {
    for (const key of [...this.#sessions.keys()]) await this.#drop(key);
  }

  async #drop(key: string): Promise<void> {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    await (await session)?.close();
  }
}
