/**
 * Imports a package through esbuild. `@actions/workflow-parser` and what is built on it import JSON without the
 * attribute that Node asks for.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);

/** @returns the package's module; the caller says its type */
export async function importBundled(name: string): Promise<unknown> {
  const target = fileURLToPath(new URL(`../vendor/${name.replaceAll("/", "+")}.mjs`, import.meta.url));
  if (!existsSync(target)) {
    mkdirSync(dirname(target), { recursive: true });
    // Two test files may do this at the same time.
    const temporary = join(dirname(target), `.${process.pid}-${Date.now()}.mjs`);
    await build({
      stdin: { contents: `export * from ${JSON.stringify(name)};`, resolveDir: dirname(require.resolve("esbuild")) },
      outfile: temporary,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
      banner: {
        js: 'import { createRequire as __r } from "node:module"; const require = __r(import.meta.url);',
      },
    });
    renameSync(temporary, target);
  }
  return import(pathToFileURL(target).href);
}
