/**
 * Bundles the action's entry points into `bundle/`, each one file without dependencies, so that finding the engine and
 * commenting need no `npm ci`. `node packages/action/scripts/bundle.mjs`, after the TypeScript build.
 */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleOptions } from "./bundle-options.mjs";

const bundle = fileURLToPath(new URL("../bundle", import.meta.url));
rmSync(bundle, { recursive: true, force: true });
await build(bundleOptions(bundle));
