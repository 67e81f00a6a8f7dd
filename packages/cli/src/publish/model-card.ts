/**
 * An adapter's model card, made of what the release knows: nothing is left to fill in, and nothing is claimed that was not
 * measured. Pure: the same facts give the same text, so that a release that was cut off finds its own card again.
 * @see https://huggingface.co/docs/hub/model-cards (front matter, `model-index`)
 */
import {
  type Comparison,
  escapeMarkdown,
  type Lock,
  type MetricValue,
  type Project,
  printable,
  type Results,
  type SuiteResult,
  type Verdict,
} from "@gitune/core";
import { capGraphemes, findMetric, ruleText } from "@gitune/eval";
import { stringify } from "yaml";
import { formatInterval, formatScore } from "../terminal/table.js";
import { OLDEST_PEFT, vllmRank } from "./serving-lint.js";

export interface CardFacts {
  readonly project: Project;
  readonly tag: string;
  readonly commit: string;
  /** https address of the repository; null where it has none. */
  readonly repository: string | null;
  /** The base as others find it: a Hub id and its commit. */
  readonly base: { readonly id: string; readonly revision: string };
  readonly lock: Lock;
  readonly adapter: {
    readonly sha256: string;
    readonly sizeBytes: number;
    readonly targets: readonly string[];
    readonly steps: number;
    readonly tokens: number;
    readonly rows: { readonly used: number; readonly cut: number; readonly dropped: number };
  };
  readonly results: { readonly bare: Results | null; readonly base: Results | null; readonly head: Results };
  readonly comparison: Comparison;
  /** The release that it was compared with; null where it was the bare base. */
  readonly comparedWith: string | null;
}

/** Row ids and slices that are listed; the rest is counted. */
const MAX_LISTED = 20;
/** Graphemes of a name that are shown; signatures and hashes have fewer. */
const MAX_CODE = 200;

/** `README.md` of a release. */
export function modelCard(facts: CardFacts): string {
  const { project, lock } = facts;
  const { name, version, description } = project.config;
  const sections = [
    `---\n${stringify(frontMatter(facts), { lineWidth: 0 })}---`,
    `# ${escapeMarkdown(name)} ${version}`,
    ...(description === "" ? [] : [escapeMarkdown(description)]),
    `A LoRA adapter, trained, evaluated and gated by [gitune](https://www.npmjs.com/package/gitune) ${lock.versions["gitune"] ?? ""}.`,
    table(["", ""], summary(facts)),
    "## Use",
    useText(facts),
    "## Data",
    table(["part", "files or suite", "rows", "sha256"], dataRows(facts)),
    rowsSentence(facts),
    "## Evaluation",
    evaluationText(facts),
    "## Known regressions",
    regressionsText(facts),
    "## Limits",
    limits(facts)
      .map((limit) => `- ${limit}`)
      .join("\n"),
    "## Provenance",
    provenanceText(facts),
  ];
  return `${sections.join("\n\n")}\n`;
}

function frontMatter(facts: CardFacts): object {
  const { project, base, results, tag, commit, repository } = facts;
  const { license, language, name, evals } = project.config;
  const source = repository === null ? {} : { source: { name: `gitune ${tag}`, url: `${repository}/tree/${tag}` } };
  return {
    base_model: base.id,
    base_model_relation: "adapter",
    library_name: "peft",
    pipeline_tag: "text-generation",
    ...(license === null ? {} : { license }),
    ...(language.length === 0 ? {} : { language }),
    tags: ["gitune", "lora"],
    metrics: [...new Set(evals.flatMap(({ metrics }) => metrics))],
    "model-index": [
      {
        name,
        results: results.head.suites.map((suite) => ({
          task: { type: "text-generation" },
          dataset: { type: `${name}/${suite.name}`, name: suite.name, revision: commit },
          metrics: Object.entries(suite.metrics).map(([type, { value }]) => ({ type, value, name: type })),
          ...source,
        })),
      },
    ],
  };
}

function summary({ project, base, lock, adapter }: CardFacts): string[][] {
  const { technique, maxLength } = project.config.train;
  const { license, language } = project.config;
  if (technique.type !== "lora") return [];
  const { r, alpha, dropout, rslora } = technique;
  return [
    ["Base", `[${escapeMarkdown(base.id)}](https://huggingface.co/${base.id}/tree/${base.revision})`],
    ["Revision", codeCell(base.revision)],
    ["Technique", `LoRA, r ${r}, alpha ${alpha}, dropout ${dropout}, scaled by alpha / ${rslora ? "√r" : "r"}`],
    ["Target modules", adapter.targets.map(codeCell).join(", ")],
    [
      "Trained",
      `${adapter.steps} steps, ${adapter.tokens} tokens, rows of up to ${maxLength} tokens, seed ${lock.seed}`,
    ],
    ["Size", `${adapter.sizeBytes} bytes`],
    ["Licence", license === null ? "none is stated" : escapeMarkdown(license)],
    ["Languages", language.length === 0 ? "none are stated" : language.map(escapeMarkdown).join(", ")],
    [
      "Chat template",
      lock.template_sha256 === null
        ? "the base has none"
        : `sha256 ${codeCell(lock.template_sha256)}, the same in training and evaluation`,
    ],
  ];
}

/** Names in code come from patterns that leave no quote and no backtick: Hub ids, commits, tags, project names. */
function useText({ project, base, tag, lock }: CardFacts): string {
  const { publish, name, train } = project.config;
  const hub = publish?.hub ?? "";
  const rank = train.technique.type === "lora" ? (vllmRank(train.technique.r) ?? 512) : 16;
  const chat =
    lock.template_sha256 === null
      ? []
      : ["# The prompt: tokenizer.apply_chat_template(messages, add_generation_prompt=True)"];
  return [
    `With PEFT (${OLDEST_PEFT} or newer):`,
    "",
    "```python",
    "from peft import PeftModel",
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    "",
    `tokenizer = AutoTokenizer.from_pretrained("${base.id}", revision="${base.revision}")`,
    `base = AutoModelForCausalLM.from_pretrained("${base.id}", revision="${base.revision}")`,
    `model = PeftModel.from_pretrained(base, "${hub}", revision="${tag}")`,
    ...chat,
    "```",
    "",
    "With vLLM:",
    "",
    "```sh",
    `hf download ${hub} --revision ${tag} --local-dir ${name}`,
    `vllm serve ${base.id} --revision ${base.revision} \\`,
    `  --enable-lora --max-lora-rank ${rank} --lora-modules ${name}=./${name}`,
    "```",
  ].join("\n");
}

function dataRows({ lock, results, adapter }: CardFacts): string[][] {
  const training = lock.rows.map(({ file, sha256 }, at) => [
    "training",
    codeCell(file),
    at === 0 ? String(adapter.rows.used) : "",
    codeCell(sha256.slice(0, 16)),
  ]);
  const suites = results.head.suites.map((suite) => [
    "evaluation",
    escapeMarkdown(suite.name),
    String(suite.rows.length),
    codeCell(suite.data_sha256.slice(0, 16)),
  ]);
  return [...training, ...suites];
}

function rowsSentence({ adapter }: CardFacts): string {
  const { used, cut, dropped } = adapter.rows;
  return `Trained on ${used} rows; ${cut} were cut to the length limit and ${dropped} left out.`;
}

function evaluationText(facts: CardFacts): string {
  const { results, comparison, comparedWith, project } = facts;
  const { confidence, rules } = project.config.gate;
  const percent = `${formatShare(confidence)} interval`;
  const hasPrevious = comparedWith !== null;
  const lines = results.head.suites.flatMap((suite) =>
    Object.entries(suite.metrics).map(([metric, value]) => [
      escapeMarkdown(suite.name),
      codeCell(metric),
      String(value.n),
      cellOf(results.bare, suite.name, metric),
      ...(hasPrevious ? [cellOf(results.base, suite.name, metric)] : []),
      `**${formatScore(value.value)}**`,
      formatInterval(value.ci),
      codeCell(value.signature),
    ]),
  );
  const header = [
    "suite",
    "metric",
    "rows",
    "base alone",
    ...(hasPrevious ? [codeCell(comparedWith)] : []),
    "this",
    percent,
  ];
  const judged = comparison.rules.map((outcome, at) => {
    const rule = rules[at];
    const of = outcome.slice === undefined ? outcome.suite : `${outcome.suite}, ${outcome.slice}`;
    return [
      `${codeCell(outcome.metric)} of ${escapeMarkdown(of)}${rule ? `: ${ruleText(rule)}` : ""}`,
      formatScore(outcome.base),
      formatScore(outcome.head),
      `${formatScore(outcome.delta)} (${formatInterval(outcome.ci)})`,
      VERDICTS[outcome.verdict],
    ];
  });
  const against = comparedWith === null ? "the base model alone" : code(comparedWith);
  return [
    "Greedy decoding where a suite does not say otherwise; every row's score counts once.",
    "",
    table([...header, "signature"], lines),
    "",
    `The gate's rules, against ${against}, on the same rows. Verdict: **${VERDICTS[comparison.verdict]}**.`,
    "",
    table(["rule", "before", "this", `difference (${percent})`, "verdict"], judged),
  ].join("\n");
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  pass: "pass",
  fail: "fail",
  inconclusive: "inconclusive: the rows are too few to tell",
};

function cellOf(results: Results | null, suite: string, metric: string): string {
  const value = results?.suites.find(({ name }) => name === suite)?.metrics[metric];
  return value === undefined ? "not run" : formatScore(value.value);
}

function regressionsText({ comparison, comparedWith, results }: CardFacts): string {
  const against = comparedWith === null ? "the base model alone" : code(comparedWith);
  const { regressions, improvements } = comparison;
  const before = comparedWith === null ? results.bare : results.base;
  const slices = before === null ? [] : worseSlices(before, results.head);
  const rows =
    regressions.length === 0
      ? `By the metrics of the gate no row scores worse than with ${against}, and ${improvements.length} score better.`
      : `By the metrics of the gate ${regressions.length} rows score worse than with ${against}, and ${improvements.length} better. Worse: ${listed(regressions.map(code))}.`;
  const parts =
    slices.length === 0 ? "No slice is worse on average." : `Slices that are worse on average: ${listed(slices)}.`;
  return `${rows} ${parts}`;
}

function worseSlices(before: Results, head: Results): readonly string[] {
  return head.suites.flatMap((suite) => {
    const earlier = before.suites.find(({ name }) => name === suite.name);
    return Object.entries(suite.slices).flatMap(([slice, metrics]) =>
      Object.entries(metrics).flatMap(([metric, value]) => {
        const was = sliceValue(earlier, slice, metric);
        if (was === undefined) return [];
        const isWorse = findMetric(metric).higherIsBetter ? value.value < was.value : value.value > was.value;
        const change = `${formatScore(was.value)} → ${formatScore(value.value)}, ${value.n} rows`;
        return isWorse ? [`${escapeMarkdown(`${suite.name}, ${slice}`)}: ${code(metric)} ${change}`] : [];
      }),
    );
  });
}

function sliceValue(suite: SuiteResult | undefined, slice: string, metric: string): MetricValue | undefined {
  const metrics = suite?.slices[slice];
  return metrics && Object.hasOwn(metrics, metric) ? metrics[metric] : undefined;
}

function listed(items: readonly string[]): string {
  const left = items.length - MAX_LISTED;
  return `${items.slice(0, MAX_LISTED).join("; ")}${left > 0 ? `; and ${left} more` : ""}`;
}

/** What follows from what was done, and no more. */
function limits({ project, results, base }: CardFacts): readonly string[] {
  const { maxLength } = project.config.train;
  const names = results.head.suites.map(({ name }) => escapeMarkdown(name)).join(", ");
  const stopped = results.head.suites.map(({ usage, rows, name }) =>
    usage.length_stops === 0
      ? []
      : [
          `${usage.length_stops} of ${rows.length} answers in the suite ${escapeMarkdown(name)} reached the length limit and were cut.`,
        ],
  );
  return [
    `It was measured on the suites above (${names}) and on nothing else; other tasks and languages are unknown.`,
    `It was trained on rows of up to ${maxLength} tokens; what it does with longer ones was not measured.`,
    `It works on ${escapeMarkdown(base.id)} at the revision above; on another revision or a quantized copy the figures do not hold.`,
    "What the base model gets wrong or is biased towards it may still get wrong; no check of safety was made.",
    ...stopped.flat(),
  ];
}

function provenanceText({ tag, commit, repository, adapter }: CardFacts): string {
  const where =
    repository === null ? "" : ` of [${escapeMarkdown(repository.replace("https://", ""))}](${repository}/tree/${tag})`;
  return [
    `Git tag ${code(tag)}${where}, commit ${code(commit)}; this repository has a tag of the same name.`,
    `\`adapter_model.safetensors\` has the sha256 ${code(adapter.sha256)}.`,
    "`gitune.lock.json` has the hash of every input, `gitune.provenance.json` says it as an in-toto statement (SLSA provenance).",
  ].join("\n");
}

/** A table; cells are Markdown already. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Inline code that no content can break out of. */
function code(text: string): string {
  return `\`${printable(capGraphemes(text, MAX_CODE)).replace(/`/g, " ")}\``;
}

/** The same in a table, where even code ends at a bar. */
function codeCell(text: string): string {
  return code(text).replace(/\|/g, "\\|");
}

function formatShare(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}
