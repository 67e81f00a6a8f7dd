/** What the serving lint will say when this adapter is released, said while the change can still be made otherwise. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Issue, Project } from "@gitune/core";
import type { Base } from "@gitune/train";
import { ADAPTER_CONFIG } from "../publish/release-files.js";
import { lintServing } from "../publish/serving-lint.js";

/**
 * @param dir of the head's adapter
 * @returns warnings and notes: only a release is refused for them; none for a project that publishes nothing
 */
export async function servingFindings({ config, configFile }: Project, dir: string, base: Base): Promise<Issue[]> {
  if (config.publish === null || config.train.technique.type !== "lora") return [];
  const written = JSON.parse(await readFile(join(dir, ADAPTER_CONFIG), "utf8")) as Readonly<Record<string, unknown>>;
  const found = lintServing(written, config.name, { hasHeadNorms: base.config.qkNorm });
  return found.map(({ pointer, ...issue }) => ({
    ...issue,
    severity: issue.severity === "error" ? "warning" : issue.severity,
    // The file is none of the repository's; what is written in the config made it so.
    file: configFile,
    message: `${issue.message} (${ADAPTER_CONFIG}${pointer ?? ""})`,
  }));
}
