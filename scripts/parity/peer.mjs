import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { quiet } from "./environment.mjs";

const folder = fileURLToPath(new URL("python/", import.meta.url));

/**
 * Runs a script of the peer and reads what it prints, a JSON document a line.
 * @param {import("./environment.mjs").Environment} environment
 * @param {string} script a file of python/
 * @param {readonly string[]} args
 * @param {{ input?: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>, cwd?: string, oldest?: boolean, env?: Record<string, string> }} [options]
 *   input: fed to the script as fast as it reads; oldest: with the oldest PEFT in place of the pinned one; env: beside what every script gets
 * @returns {Promise<any[]>}
 * @throws {Error} where it fails; what it wrote to stderr stands on ours
 */
export async function runPeer(environment, script, args, { input = [], cwd, oldest = false, env: more = {} } = {}) {
  const env = quiet({ ...(oldest ? environment.oldest : {}), ...more });
  const child = spawn(environment.python, [join(folder, script), ...args], {
    cwd,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const documents = [];
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) documents.push(JSON.parse(line));
  })();
  // Awaited below; until then a line that is no JSON must not end this process.
  reading.catch(() => {});
  // A script that dies closes its end: its exit code says so better than the broken pipe does.
  let isOpen = true;
  child.stdin.on("error", () => {
    isOpen = false;
  });
  for await (const chunk of input) {
    if (!isOpen) break;
    if (!child.stdin.write(chunk)) await Promise.race([once(child.stdin, "drain"), ended]);
  }
  child.stdin.end();
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`${script} ended with ${signal ?? `exit code ${code}`}`);
  await reading;
  return documents;
}
