/** A project that is trained and evaluated in seconds, on a base of random weights. */
import type { Files } from "./pull-request.js";
import { tinyBase } from "./tiny-base.js";

/** Its folder. */
export const PROJECT = "datasets/colours";

/** @param rule the gate's only rule, as YAML */
export function config(rule: string): string {
  return `name: colours
version: 0.1.0
data:
  format: prompt-completion
  splits:
    train: train.jsonl
train:
  base: models/tiny
  technique: { type: lora, r: 2, alpha: 4, targets: [q_proj, v_proj] }
  max_steps: 2
  batch_size: 4
  max_length: 64
  device: cpu
evals:
  - name: answers
    data: evals/answers.jsonl
    metrics: [exact_match]
    generation: { max_new_tokens: 4, temperature: 0 }
gate:
  rules:
    - ${rule}
`;
}
/** A margin that nothing can exceed, and a threshold that random weights never reach. */
export const ALWAYS = "{ suite: answers, metric: exact_match, max_regression: 1 }";
export const NEVER = "{ suite: answers, metric: exact_match, min: 0.9 }";

export const jsonl = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
export const rows = (count: number, prompt = (i: number) => `Which colour is thing number ${i}?`) =>
  Array.from({ length: count }, (_, i) => ({ prompt: prompt(i), completion: i % 2 === 0 ? "red" : "blue" }));

/** A suite that asks none of what is trained on. */
export const suite = () =>
  Array.from({ length: 8 }, (_, i) => ({
    id: `a${i}`,
    prompt: `What is the shade of item ${i}?`,
    references: ["red"],
  }));

/** The repository before the change. */
export const baseFiles = (): Files => ({
  ...tinyBase("models/tiny"),
  ".gitignore": ".gitune/\n",
  [`${PROJECT}/gitune.yaml`]: config(ALWAYS),
  [`${PROJECT}/train.jsonl`]: jsonl(rows(24)),
  [`${PROJECT}/evals/answers.jsonl`]: jsonl(suite()),
});
