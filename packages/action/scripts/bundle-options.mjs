/** How the action is bundled; shared with the tests, which bundle into a folder of their own. */
import { fileURLToPath } from "node:url";

const action = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} outdir @returns {import("esbuild").BuildOptions} */
export function bundleOptions(outdir) {
  return {
    absWorkingDir: action,
    entryPoints: {
      approve: "dist/approve-main.js",
      engine: "dist/engine-main.js",
      cuda: "dist/cuda-main.js",
      run: "dist/run-main.js",
      beat: "dist/beat/beat-main.js",
      "beat-loop": "dist/beat/loop-main.js",
      "beat-end": "dist/beat/end-main.js",
      gate: "dist/gate-main.js",
      progress: "dist/progress-main.js",
      comment: "dist/comment-main.js",
      collect: "dist/refresh/collect-main.js",
      propose: "dist/refresh/propose-main.js",
      judge: "dist/publish/judge-main.js",
      publish: "dist/publish/publish-main.js",
      release: "dist/publish/release-main.js",
    },
    outdir,
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
  };
}
