/**
 * Rebuilds the tokenizer, the projects in datasets/, the demo's changes and the pretraining corpus from Debian's
 * package lists: `node scripts/data/build.mjs`. Same lists, same bytes. See scripts/data/README.md.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LISTS_FOLDER, readAptLists } from "./apt-lists.mjs";
import { writeCorpus } from "./corpus.mjs";
import { makeDocuments } from "./documents.mjs";
import { writeJsonl } from "./jsonl.mjs";
import { makeProjects } from "./projects.mjs";
import { split } from "./split.mjs";
import { preparePython, readTokenizer, trainTokenizer } from "./tokenizer.mjs";

const CODENAME = "bookworm";
const root = fileURLToPath(new URL("../..", import.meta.url));
const work = join(root, ".gitune", "data");
const model = join(root, "models", "gitune-tiny");

const { values } = parseArgs({
  options: {
    lists: { type: "string", default: LISTS_FOLDER },
    "any-release": { type: "boolean", default: false },
    "keep-tokenizer": { type: "boolean", default: false },
  },
});

const started = performance.now();
const say = (text) => console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const python = values["keep-tokenizer"] ? null : preparePython(join(work, "venv"));

const { packages, provenance } = readAptLists(values.lists, CODENAME);
checkProvenance(provenance);
writeJsonl(join(work, "packages.jsonl"), packages);
say(`${packages.length} packages of ${provenance.origin}`);

const { parts, dropped, isStock } = split(packages);
for (const [part, rows] of Object.entries(parts)) {
  writeJsonl(join(work, `${part}.jsonl`), rows);
  const near = dropped.filter((entry) => entry.part === part).length;
  say(
    `${part}: ${rows.length} packages of ${new Set(rows.map((row) => row.source)).size} sources, ${near} near-duplicates dropped`,
  );
}
writeJsonl(join(work, "near-duplicates.jsonl"), dropped);

const documents = makeDocuments(parts.train);
if (python !== null) {
  trainTokenizer(
    documents.map((document) => document.plain),
    { work, model, python },
  );
  say(`tokenizer trained on ${documents.length} documents`);
}
const tokenizer = readTokenizer(model);
for (const line of writeCorpus({ documents, validation: makeDocuments(parts.validation), tokenizer, root })) say(line);

const made = makeProjects(parts, { count: tokenizer.count, isStock });
const targets = {
  datasets: join(root, "datasets"),
  good: join(root, "scripts", "demo", "changes", "good", "datasets"),
  bad: join(root, "scripts", "demo", "changes", "bad", "datasets"),
};
for (const [kind, folder] of Object.entries(targets)) {
  for (const [name, rows] of Object.entries(made[kind])) {
    writeJsonl(join(folder, name), rows);
    say(`${relative(root, join(folder, name))}: ${rows.length} rows, ${lengths(rows)}`);
  }
}

/** Token lengths of whole rows, as the chat template renders them. */
function lengths(rows) {
  const turn = ({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`;
  const counts = rows.map((row) => tokenizer.count(row.messages.map(turn).join(""))).sort((a, b) => a - b);
  const at = (share) => counts[Math.min(counts.length - 1, Math.floor(share * counts.length))];
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return `tokens mean ${mean.toFixed(0)}, p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)}`;
}

/** Other lists give other rows: a newer point release is refused unless asked for. */
function checkProvenance(found) {
  const file = join(root, "scripts", "data", "provenance.json");
  if (!existsSync(file)) return;
  const expected = JSON.parse(readFileSync(file, "utf8"));
  const changed = Object.keys(expected).filter((key) => expected[key] !== found[key]);
  if (changed.length === 0 || values["any-release"]) return;
  console.error(
    `The lists are of ${found.origin} (${found.release_date}); ${relative(root, file)} has ${expected.origin} (${expected.release_date}).`,
  );
  console.error(
    "Pass --lists <folder> with that release's lists (Debian keeps them in its snapshot archive), or --any-release.",
  );
  process.exit(2);
}
