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

/**
 * @param {Record<string, Record<string, PartResult>>} results by machine, by part
 * @param {string[]} order of the parts
 */
export function renderReport(results, order) {
  const machines = Object.keys(results);
  const labels = new Map(machines.map((machine, index) => [machine, String.fromCharCode(65 + index)]));
  const parts = order.flatMap((part) =>
    machines.flatMap((machine) =>
      results[machine][part] ? [{ ...results[machine][part], label: labels.get(machine) }] : [],
    ),
  );
  const goals = parts.flatMap((part) => (part.goals ?? []).map((goal) => ({ ...goal, label: part.label })));
  const isSame = (goal) => (other) => other.goal === goal.goal;
  // One goal's rows stand together.
  const grouped = goals.filter((goal, at) => goals.findIndex(isSame(goal)) === at);
  return [
    "# Benchmark",
    "",
    "Written by `npm run bench`; how it measures is in [README.md](README.md). Ratios are medians over pairs that were",
    "measured in turn, with the smallest and the largest in brackets. A letter is a machine, described at the end.",
    "",
    "## Goals",
    "",
    ...renderTable(
      ["goal", "on", "measured", "met"],
      grouped
        .flatMap((first) => goals.filter(isSame(first)))
        .map(({ goal, label, measured, met }, at, rows) => [
          goal === rows[at - 1]?.goal ? "" : goal,
          label,
          measured,
          met ? "yes" : "no",
        ]),
    ),
    ...parts.flatMap(renderPart),
    "## Machines",
    "",
    ...machines.flatMap((machine) =>
      describeAll(Object.entries(results[machine]), order).map((line) => `- ${labels.get(machine)}, ${line}`),
    ),
    "",
  ].join("\n");
}

function renderPart({ title, label, date, pairs, quick, tables, notes = [], plots = [] }) {
  return [
    `## ${title} (${label})`,
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

/** A line for each state of a machine and of the code that parts were measured with. */
function describeAll(parts, order) {
  const titles = new Map();
  for (const [, { machine, title }] of parts.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))) {
    titles.set(describe(machine), [...(titles.get(describe(machine)) ?? []), title]);
  }
  return [...titles].map(([text, names]) => `${names.join(", ")}: ${text}`);
}

function describe({ cpu, cores, threads, memoryBytes, vector, kernel, versions, commit }) {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${cpu}, ${cores} cores (${threads} threads a side), ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ` +
    `${vector.join(", ")}, Linux ${kernel}; ${packages.join(", ")}${commit ? `; commit ${commit}` : ""}`
  );
}
