/**
 * Writes the tables of inputs and outputs in README.md from the action.yml files. `--check` writes nothing and fails when they
 * are out of date.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const readmePath = fileURLToPath(new URL("../README.md", import.meta.url));

const cell = (text) => String(text).trim().replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text) => (text === "" || text === undefined ? "" : `\`${cell(text)}\``);

/** In columns, as the formatter of this repository leaves them. @param {string[][]} rows the first is the head */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const readAction = (name) => parse(readFileSync(join(root, name, "action.yml"), "utf8"));

const inputsOf = ({ inputs }) =>
  table([
    ["input", "default", "meaning"],
    ...Object.entries(inputs).map(([name, input]) => [`\`${name}\``, code(input.default), cell(input.description)]),
  ]);
const outputsOf = ({ outputs = {} }) => {
  const rows = Object.entries(outputs).map(([name, output]) => [`\`${name}\``, cell(output.description)]);
  return rows.length === 0 ? [] : table([["output", "meaning"], ...rows]);
};

const subActions = readdirSync(root)
  .filter((name) => existsSync(join(root, name, "action.yml")))
  .sort();
const main = readAction(".");
const blocks = {
  inputs: inputsOf(main),
  outputs: outputsOf(main),
  "sub-actions": subActions
    .flatMap((name) => {
      const action = readAction(name);
      const outputs = outputsOf(action);
      return [`### ${name}`, "", action.description, "", ...inputsOf(action), "", ...outputs, ""];
    })
    .join("\n")
    .replaceAll("\n\n\n", "\n\n")
    .trimEnd()
    .split("\n"),
};

const written = readFileSync(readmePath, "utf8");
let wanted = written;
for (const [name, lines] of Object.entries(blocks)) {
  const block = new RegExp(`(<!-- ${name}:start -->\\n)[\\s\\S]*?(<!-- ${name}:end -->)`);
  if (!block.test(wanted)) throw new Error(`README.md has no <!-- ${name}:start --> … <!-- ${name}:end -->`);
  wanted = wanted.replace(block, (_, start, end) => `${start}\n${lines.join("\n")}\n\n${end}`);
}

if (wanted === written) process.exit(0);
if (process.argv.includes("--check")) {
  console.error("packages/action/README.md is out of date: run node packages/action/scripts/readme.mjs");
  process.exit(1);
}
writeFileSync(readmePath, wanted);
