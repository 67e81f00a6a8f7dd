#!/usr/bin/env node
/**
 * The entry point of `gitune`. It imports almost nothing before it knows what is asked: the version is
 * answered from package.json alone, and `cli.js` loads only the verb that runs.
 */
import { readFileSync } from "node:fs";

const args = process.argv.slice(2);

if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const { version } = manifest as { version: string };
  process.stdout.write(`${version}\n`);
} else {
  const { runProcess } = await import("./cli.js");
  await runProcess(args);
}
