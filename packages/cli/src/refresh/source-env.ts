/** What a source's program may know of this process: a list of names, so that no token is ever passed on unasked. */
import type { Context } from "../verb.js";

const PASSED_ON = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "TZ",
  "TMPDIR",
  "TMP",
  "TEMP",
  "SYSTEMROOT",
  "COMSPEC",
  "PATHEXT",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
]);

/** @param names that the config lets through beside the harmless ones */
export function sourceEnv(env: Context["env"], names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (PASSED_ON.has(name) || name.startsWith("LC_") || names.includes(name)) kept[name] = value;
  }
  return kept;
}
