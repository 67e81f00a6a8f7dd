/** Secrets, by the prefixes that their issuers give them so that they can be found. Values are never printed. */
import { toPointer } from "../pointer.js";
import type { Finding } from "../schema/explain.js";
import type { Check } from "./check.js";
import { stringsOf } from "./text.js";

/** Kind -> pattern. Each pattern is linear: a fixed start, then one class of characters. */
const SECRETS: Readonly<Record<string, RegExp>> = {
  "a GitHub token": /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})\b/,
  "a GitLab token": /\bglpat-[A-Za-z0-9_-]{20,}/,
  "a Hugging Face token": /\bhf_[A-Za-z0-9]{30,}\b/,
  "an Anthropic key": /\bsk-ant-[A-Za-z0-9_-]{20,}/,
  "an OpenAI key": /\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_]{32,}/,
  "an AWS access key": /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  "a Google API key": /\bAIza[0-9A-Za-z_-]{35}/,
  "a Slack token": /\bxox[abeoprs]-[0-9A-Za-z-]{10,}/,
  "a Stripe key": /\b[sr]k_live_[0-9A-Za-z]{16,}\b/,
  "an npm token": /\bnpm_[A-Za-z0-9]{36}\b/,
  "a PyPI token": /\bpypi-AgEI[A-Za-z0-9_-]{50,}/,
  "a private key": /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/,
  "a signed web token": /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
};

/** What kind of secret a text holds, such as "a GitHub token"; undefined where none is known. */
export function secretIn(text: string): string | undefined {
  return Object.entries(SECRETS).find(([, pattern]) => pattern.test(text))?.[0];
}

export const secrets: Check = () => ({
  onRow({ value }) {
    const findings: Finding[] = [];
    for (const { path, text } of stringsOf(value)) {
      for (const [kind, pattern] of Object.entries(SECRETS)) {
        if (!pattern.test(text)) continue;
        const fix = "revoke it now: it is in git's history; then replace it by a placeholder";
        findings.push({ code: "data.secret", pointer: toPointer(path), message: `the text holds ${kind}`, fix });
      }
    }
    return findings;
  },
});
