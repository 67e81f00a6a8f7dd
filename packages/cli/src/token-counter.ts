/** The count of tokens that the rule `tokens` needs: by the base's tokenizer, without the engine. */
import { join } from "node:path";
import { GituneError, type Issue, localBase, type Project, type RowContent } from "@gitune/core";

export interface TokenCounter {
  readonly countTokens: ((content: RowContent) => { total: number; supervised: number }) | null;
  /** Why there is none, where there should be. */
  readonly issues: readonly Issue[];
}

const NONE: TokenCounter = { countTokens: null, issues: [] };

/** None where the rule is off, or the base is not on this machine: that is said by another check. */
export async function tokenCounter(project: Project): Promise<TokenCounter> {
  const check = project.config.checks["tokens"];
  const path = localBase(project);
  if (!check || check.level === "off" || path === null) return NONE;
  const { countTokens, loadTokenizer } = await import("@gitune/train/tokenizer");
  try {
    return { countTokens: countTokens({ tokenizer: await loadTokenizer(join(project.root, path)) }), issues: [] };
  } catch (error) {
    if (!(error instanceof GituneError) || error.exitCode === 3) throw error;
    return { countTokens: null, issues: error.issues.map((issue) => ({ ...issue, project: project.config.name })) };
  }
}
