import type { Backend, CompileOptions, Executable } from "../backends/backend.js";
import type { Node } from "../ir/node.js";

/** Compiled graphs by name, each compiled when first asked for. One serves passes of every size. */
export class Programs {
  readonly #backend: Backend;
  readonly #programs = new Map<string, Promise<Executable>>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get(name: string, build: () => Readonly<Record<string, Node>>, options: CompileOptions = {}): Promise<Executable> {
    const known = this.#programs.get(name);
    if (known) return known;
    const program = this.#backend.compile(build(), options);
    this.#programs.set(name, program);
    return program;
  }

  async close(): Promise<void> {
    const programs = [...this.#programs.values()];
    this.#programs.clear();
    for (const program of programs) await (await program).close();
  }
}
