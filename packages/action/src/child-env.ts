/** What the pipeline's process may know. A list of what it gets, so that no token is ever forgotten. */
import type { Env } from "./inputs.js";

/**
 * Left out on purpose: every token (INPUT_*, ACTIONS_*, GITHUB_TOKEN, HF_TOKEN), and the files through which a step
 * speaks to the runner (GITHUB_ENV, GITHUB_PATH, GITHUB_OUTPUT, GITHUB_STATE, GITHUB_STEP_SUMMARY), which would let
 * it change the steps that follow.
 */
const PASSED_ON = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TMPDIR",
  "TMP",
  "TEMP",
  "RUNNER_TEMP",
  "CI",
  // Windows cannot start a process without these.
  "SYSTEMROOT",
  "COMSPEC",
  "PATHEXT",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  // Reaching the Hub from behind a proxy or a company's certificates.
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "HF_HOME",
  "HF_HUB_CACHE",
  "HF_HUB_OFFLINE",
  "HF_ENDPOINT",
  "CUDA_VISIBLE_DEVICES",
  "CUDA_HOME",
  "CUDA_PATH",
  "LD_LIBRARY_PATH",
  "OMP_NUM_THREADS",
  // gitune's own, by name: what a repository calls GITUNE_… is often a key.
  "GITUNE_STORE",
  "GITUNE_DEBUG",
  // Facts of the run that a report may name.
  "GITHUB_ACTIONS",
  "GITHUB_REPOSITORY",
  "GITHUB_SERVER_URL",
  "GITHUB_SHA",
  "GITHUB_REF",
  "GITHUB_BASE_REF",
  "GITHUB_HEAD_REF",
  "GITHUB_RUN_ID",
  "GITHUB_RUN_ATTEMPT",
]);
const PASSED_ON_PREFIXES = ["LC_", "XDG_"];

/** @returns the part of the environment that the pipeline may see */
export function childEnv(env: Env): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    const known = PASSED_ON.has(name) || PASSED_ON_PREFIXES.some((prefix) => name.startsWith(prefix));
    if (known && !/TOKEN|SECRET|PASSWORD/i.test(name)) kept[name] = value;
  }
  return kept;
}
