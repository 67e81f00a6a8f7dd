/** The skeleton of an adapter's model card: facts only; results and data are added where they are known. */
import { printable } from "@gitune/core";
import type { PeftConfigFacts } from "./peft-config.js";

/** `README.md` of an adapter folder. */
export function adapterCard({ technique, baseId, revision, targets, taskType }: PeftConfigFacts): string {
  // A local base is left out of the front matter: the Hub would read its path as the id of somebody's repository.
  const hubBase = revision === null ? [] : [`base_model: ${JSON.stringify(baseId)}`];
  const scale = technique.rslora ? "alpha / sqrt(r)" : "alpha / r";
  const frontMatter = [
    ...hubBase,
    "library_name: peft",
    ...(taskType === "CAUSAL_LM" ? ["pipeline_tag: text-generation"] : []),
    "tags:",
    "  - gitune",
    "  - lora",
  ];
  const facts: [string, string][] = [
    ["Base", code(baseId)],
    ["Revision", revision === null ? "local, hashed in gitune.lock.json" : code(revision)],
    ["Technique", `LoRA, r ${technique.r}, alpha ${technique.alpha}, dropout ${technique.dropout}, scaled by ${scale}`],
    ["Target modules", [...targets].sort().map(code).join(", ")],
  ];
  const rows = facts.map(([name, value]) => `| ${name} | ${value} |`);
  return [
    "---",
    ...frontMatter,
    "---",
    "",
    "# LoRA adapter",
    "",
    "Trained by [gitune](https://www.npmjs.com/package/gitune) and loadable with PEFT.",
    "",
    "| | |",
    "|---|---|",
    ...rows,
    "",
    ...howToLoad(baseId),
  ].join("\n");
}

/** transformers takes a GGUF file as a folder and a name; other bases load as everybody knows. */
function howToLoad(baseId: string): string[] {
  if (!baseId.endsWith(".gguf")) return [];
  const at = baseId.lastIndexOf("/");
  const [folder, file] = [baseId.slice(0, Math.max(at, 0)) || ".", baseId.slice(at + 1)];
  return [
    "In the base's repository, with the adapter in `adapter`:",
    "",
    "```python",
    `base = AutoModelForCausalLM.from_pretrained(${JSON.stringify(folder)}, gguf_file=${JSON.stringify(file)})`,
    'model = PeftModel.from_pretrained(base, "adapter")',
    "```",
    "",
  ];
}

/** Inline code that no content can break out of, on one line, with all of its characters visible. */
const code = (text: string): string => `\`${printable(text).replace(/[`|]/g, " ")}\``;
