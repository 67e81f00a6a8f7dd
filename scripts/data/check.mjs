/**
 * Proves what the READMEs promise, from the files alone: `node scripts/data/check.mjs`, exit code 1 where one is broken.
 * Where a build has left the pretraining text, that is checked against the evaluation packages, too
 * (`--committed` leaves it out).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readJsonl } from "./jsonl.mjs";
import { SECTIONS } from "./projects.mjs";
import { copiedFrom, partOf } from "./split.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const problems = [];
const expect = (fact, text) => {
  if (!fact) problems.push(text);
};

/** Rows of a project by split, the demo's changes counted as train. */
function readProject(project) {
  const folder = join(root, "datasets", project);
  const shards = (base) => {
    const train = join(base, project, "train");
    return existsSync(train) ? readdirSync(train).flatMap((name) => readJsonl(join(train, name))) : [];
  };
  const changes = ["good", "bad"].map((name) => join(root, "scripts", "demo", "changes", name, "datasets"));
  const suites = readdirSync(join(folder, "evals"));
  return {
    train: shards(join(root, "datasets")),
    changes: changes.flatMap(shards),
    validation: readJsonl(join(folder, "validation.jsonl")),
    eval: suites.flatMap((name) => readJsonl(join(folder, "evals", name))),
  };
}

const projects = Object.fromEntries(["package-section", "package-synopsis"].map((name) => [name, readProject(name)]));
const PARTS = { train: "train", changes: "train", validation: "validation", eval: "eval" };
const idsIn = { train: new Set(), validation: new Set(), eval: new Set() };

for (const [project, splits] of Object.entries(projects)) {
  for (const [split, rows] of Object.entries(splits)) {
    const part = PARTS[split];
    const seen = new Set();
    const contents = new Set();
    for (const row of rows) {
      const content = JSON.stringify(row.messages);
      expect(
        split === "changes" || !contents.has(content),
        `${project} ${split}: ${row.id} says what another row says`,
      );
      contents.add(content);
      const [source = "", name = ""] = row.id.split("/");
      expect(name !== "", `${project} ${split}: ${row.id} is not <source>/<package>`);
      expect(split === "changes" || !seen.has(row.id), `${project} ${split}: ${row.id} stands twice`);
      expect(partOf(source) === part, `${project} ${split}: ${row.id} belongs to ${partOf(source)}`);
      seen.add(row.id);
      idsIn[part].add(row.id);
    }
    console.log(`${project} ${split}: ${rows.length} rows`);
  }
}

// Sources and packages of one part stand in no other, across both projects.
const parts = Object.keys(idsIn);
for (const [i, one] of parts.entries()) {
  for (const other of parts.slice(i + 1)) {
    for (const column of [0, 1]) {
      const theirs = new Set([...idsIn[other]].map((id) => id.split("/")[column]));
      const shared = [...idsIn[one]].map((id) => id.split("/")[column]).filter((name) => theirs.has(name));
      const what = column === 0 ? "sources" : "packages";
      expect(shared.length === 0, `${one} and ${other} share ${what}: ${shared.slice(0, 5).join(", ")}`);
      console.log(`${one} and ${other}: ${shared.length} ${what} in common`);
    }
  }
}

/** The prompt's first line is ours and stands in every row. */
const described = (row) => row.messages[0].content.split("\n\n").slice(1).join("\n\n");

const texts = Object.values(projects).flatMap(({ train, changes }) => [...train, ...changes].map(described));
const corpus = join(root, ".gitune", "pretrain", "corpus.jsonl");
if (process.argv.includes("--committed")) console.log("pretraining text left out");
else if (existsSync(corpus)) texts.push(...readJsonl(corpus).map((row) => row.text));
else console.log("no pretraining text here: run node scripts/data/build.mjs to have it checked");

const guarded = Object.values(projects).flatMap((splits) => [...splits.eval, ...splits.validation]);
const isCopied = copiedFrom(texts, guarded.map(described));
const copied = guarded.filter((row) => isCopied(described(row)));
for (const row of copied) problems.push(`${row.id}: most of it stands in training text`);
console.log(`${copied.length} of ${guarded.length} eval and validation rows overlap ${texts.length} training texts`);

// Short rows have few runs: none may stand in training as it is.
const held = new Set(guarded.map((row) => described(row).toLowerCase()));
const copies = texts.filter((text) => held.has(text.toLowerCase())).length;
expect(copies === 0, `${copies} training texts are those of an eval or validation row`);

const schema = JSON.parse(readFileSync(join(root, "datasets", "package-section", "schema.json"), "utf8"));
const labels = schema.properties.messages.prefixItems[1].properties.content.enum;
expect(labels.join() === SECTIONS.join(), "schema.json of package-section lists other sections");

for (const problem of problems.slice(0, 20)) console.error(problem);
if (problems.length > 20) console.error(`and ${problems.length - 20} more`);
console.log(problems.length === 0 ? "all promises hold" : `${problems.length} broken`);
process.exitCode = problems.length === 0 ? 0 : 1;
