/**
 * Writes the tables of inputs and outputs in README.md from action.yml. `--check` writes nothing and fails when they
 * are out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const readmePath = fileURLToPath(new URL("../README.md", import.meta.url));
const action = parse(readFileSync(new URL("../action.yml", import.meta.url), "utf8"));

const cell = (text) => String(text).trim().replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text) => (text === "" || text === undefined ? "" : `\`${cell(text)}\``);

/** In columns, as the formatter of this repository leaves them. @param {string[][]} rows the first is the head */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)];
}

const tables = {
  inputs: table([
    ["input", "default", "meaning"],
    ...Object.entries(action.inputs).map(([name, input]) => [
      `\`${name}\``,
      code(input.default),
      cell(input.description),
    ]),
  ]),
  outputs: table([
    ["output", "meaning"],
    ...Object.entries(action.outputs).map(([name, output]) => [`\`${name}\``, cell(output.description)]),
  ]),
};

const written = readFileSync(readmePath, "utf8");
let wanted = written;
for (const [name, lines] of Object.entries(tables)) {
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
