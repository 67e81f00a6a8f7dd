/** results.json as Markdown. */

/**
 * A part's result: `tables` and `goals` are shown, the rest is kept for machines.
 * @typedef {object} PartResult
 * @property {string} title
 * @property {string} date
 * @property {number} pairs
 * @property {boolean} quick
 * @property {object} machine
 * @property {{ caption: string, columns: string[], rows: string[][] }[]} tables
 * @property {{ goal: string, measured: string, met: boolean }[]} [goals]
 * @property {string[]} [notes]
 * @property {{ file: string, caption: string }[]} [plots]
 */

/** @param {PartResult[]} parts */
export function renderReport(parts) {
  const goals = parts.flatMap((part) => part.goals ?? []);
  return [
    "# Benchmark",
    "",
    "Written by `npm run bench`; how it measures is in [README.md](README.md). Ratios are medians over pairs that were",
    "measured in turn, with the smallest and the largest in brackets.",
    "",
    "## Goals",
    "",
    ...renderTable(
      ["goal", "measured", "met"],
      goals.map(({ goal, measured, met }) => [goal, measured, met ? "yes" : "no"]),
    ),
    ...parts.flatMap(renderPart),
    "## Machines",
    "",
    ...machinesOf(parts).flatMap(({ machine, titles }) => [`- ${titles.join(", ")}: ${describe(machine)}`]),
    "",
  ].join("\n");
}

function renderPart({ title, date, pairs, quick, tables, notes = [], plots = [] }) {
  return [
    `## ${title}`,
    "",
    `${date} UTC, ${pairs} pairs.${quick ? " **A smoke run: these figures mean nothing.**" : ""}`,
    "",
    ...tables.flatMap(({ caption, columns, rows }) => [`${caption}:`, "", ...renderTable(columns, rows)]),
    ...plots.flatMap(({ file, caption }) => [`![${caption}](${file})`, ""]),
    ...(notes.length > 0 ? [...notes.map((note) => `- ${note}`), ""] : []),
  ];
}

function renderTable(columns, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line), ""];
}

function machinesOf(parts) {
  const byText = new Map();
  for (const { machine, title } of parts) {
    const known = byText.get(describe(machine)) ?? { machine, titles: [] };
    known.titles.push(title);
    byText.set(describe(machine), known);
  }
  return [...byText.values()];
}

function describe({ cpu, cores, threads, memoryBytes, vector, kernel, versions, commit }) {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${cpu}, ${cores} cores (${threads} threads a side), ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ` +
    `${vector.join(", ")}, Linux ${kernel}; ${packages.join(", ")}${commit ? `; commit ${commit}` : ""}`
  );
}
