/**
 * Bundles the action's entry points into `bundle/`, each one file without dependencies, so that finding the engine and
 * commenting need no `npm ci`. `node packages/action/scripts/bundle.mjs`, after the TypeScript build.
 */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const action = fileURLToPath(new URL("..", import.meta.url));
const bundle = `${action}/bundle`;

rmSync(bundle, { recursive: true, force: true });
await build({
  absWorkingDir: action,
  entryPoints: {
    engine: "dist/engine-main.js",
    run: "dist/run-main.js",
    comment: "dist/comment-main.js",
  },
  outdir: bundle,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20.12",
  legalComments: "linked",
  logLevel: "warning",
  // CommonJS dependencies inside (ajv, undici) call require, which an ES module does not have.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
