/** What a lock says beside the hashes of a project's own files. */
import type { LockParts } from "@gitune/core";
import type { Base } from "@gitune/train";
import { readVersion } from "./version.js";

/** @param environment `engineEnvironment` of @gitune/train */
export function lockParts(base: Base, environment: Readonly<Record<string, string>>): LockParts {
  const { device = "", ...versions } = environment;
  return {
    base: { id: base.id, revision: base.revision, sha256: base.sha256 },
    template_sha256: base.tokenizer.template === null ? null : base.templateSha256,
    versions: { gitune: readVersion(), node: process.versions.node, ...versions },
    device,
  };
}
