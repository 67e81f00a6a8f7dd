/**
 * A measured process: takes one JSON command a line, answers with one JSON object a line (`peer/serve.py`,
 * `lib/serve.mjs`). Sides live as long as their part of the benchmark and are asked in turn, so that all of them meet the
 * same machine: its speed changes from minute to minute.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Lines of stderr that are shown when a side ends too early. */
const KEPT_LINES = 12;

export class Side {
  #child;
  #lines;
  #stderr = [];
  #ended;

  /**
   * @param {{ name: string, command: string, args: string[], env?: Record<string, string | undefined>, cwd?: string }} how
   *   `env` is added to this process's; undefined removes a variable
   */
  constructor({ name, command, args, env = {}, cwd }) {
    this.name = name;
    this.#child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", resolve);
      this.#child.once("close", resolve);
    });
    // A side that died is found by its missing answer, not by the pipe.
    this.#child.stdin.on("error", () => undefined);
    createInterface({ input: this.#child.stderr }).on("line", (line) => {
      this.#stderr = [...this.#stderr, line].slice(-KEPT_LINES);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Waits until the process takes commands. */
  async ready() {
    return this.#answer();
  }

  /**
   * @param {string} command what to do
   * @param {object} args
   */
  async ask(command, args = {}) {
    this.#child.stdin.write(`${JSON.stringify({ do: command, ...args })}\n`);
    return this.#answer();
  }

  /** Ends the process and waits for it. */
  async close() {
    this.#child.stdin.end();
    await this.#ended;
  }

  async #answer() {
    const { value, done } = await this.#lines.next();
    if (done) {
      await this.#ended;
      throw new Error(`${this.name} ended without an answer:\n${this.#stderr.join("\n")}`);
    }
    const answer = JSON.parse(value);
    if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`);
    return answer;
  }
}

/**
 * Opens sides one after the other. One that cannot start is reported and left out, unless it is the first: the others are
 * compared with it.
 * @param {(Side | (() => Side))[]} makers
 * @param {(line: string) => void} say
 */
export async function openSides(makers, say) {
  const sides = [];
  for (const [index, make] of makers.entries()) {
    const side = make();
    try {
      side.started = await side.ready();
      sides.push(side);
    } catch (error) {
      await side.close();
      if (index === 0) throw error;
      say(`left out: ${error.message}`);
    }
  }
  return sides;
}
