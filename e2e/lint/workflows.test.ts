/** Both linters over every workflow and action.yml: GitHub's own, and actionlint for script injection. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { ACTION_FILES, REPOSITORY } from "../support/action-folder.js";
import { actionlint, languageService } from "../support/lint-workflow.js";

const workflowsIn = (dir: string) =>
  readdirSync(join(REPOSITORY, dir))
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => `${dir}/${name}`);
const WORKFLOW_FILES = [".github/workflows", "e2e/fixtures/workflows/.github/workflows"].flatMap(workflowsIn);

const read = (file: string) => readFileSync(join(REPOSITORY, file), "utf8");

/** Every key of gitune.yaml, spelled as an input, and what chooses among projects and commits. */
const CONFIG_KEYS = new Set(["projects", "tag"]);
const addKeys = (schema: unknown): void => {
  if (typeof schema !== "object" || schema === null) return;
  for (const [name, value] of Object.entries(schema)) {
    if (name === "properties")
      for (const key of Object.keys(value as object)) CONFIG_KEYS.add(key.replaceAll("_", "-"));
    addKeys(value);
  }
};
addKeys(JSON.parse(read("packages/core/schemas/gitune.schema.json")));

describe("workflow files", () => {
  for (const file of [...WORKFLOW_FILES, ...ACTION_FILES]) {
    it(`GitHub's language service finds nothing in ${file}`, async () => {
      assert.deepEqual(await languageService(file, read(file)), []);
    });
  }
  for (const file of WORKFLOW_FILES) {
    it(`actionlint finds nothing in ${file}`, async () => {
      assert.deepEqual(await actionlint(file, read(file)), []);
    });
  }

  it("never filter the gate by path, and pin actions of others by commit", () => {
    for (const file of workflowsIn(".github/workflows")) {
      const source = read(file);
      assert.doesNotMatch(source, /^\s+paths(-ignore)?:/m, file);
      for (const [, uses = ""] of source.matchAll(/uses: (\S+)/g)) {
        assert.match(uses, /^(\.\/|[^@]+@[0-9a-f]{40}$)/, `${file}: ${uses}`);
      }
    }
    for (const file of ACTION_FILES) {
      for (const [, uses = ""] of read(file).matchAll(/uses: (\S+)/g)) assert.match(uses, /@[0-9a-f]{40}$/, uses);
    }
  });
});

describe("action files", () => {
  const steps = (file: string) =>
    (parse(read(file)) as { runs: { steps?: Record<string, unknown>[] } }).runs.steps ?? [];
  const engine = (file: string) =>
    JSON.stringify(steps(file).slice(0, 5)).replaceAll("$GITHUB_ACTION_PATH/../bundle", "$GITHUB_ACTION_PATH/bundle");

  it("get the engine in the same way everywhere", () => {
    const own = engine("packages/action/action.yml");
    for (const name of ["run", "plan", "validate", "refresh", "publish"])
      assert.equal(engine(`packages/action/${name}/action.yml`), own);
  });

  it("give no token to a step that reads the pull request's content, or trains", () => {
    for (const file of ACTION_FILES) {
      for (const step of steps(file)) {
        if (!/bundle\/(engine|cuda|run|judge|collect)\.mjs/.test(String(step["run"]))) continue;
        assert.doesNotMatch(JSON.stringify(step), /token/i, file);
      }
    }
  });

  it("put no input into a script", () => {
    for (const file of ACTION_FILES) {
      for (const step of steps(file)) assert.ok(!String(step["run"]).includes("${{"), file);
    }
  });
});

describe("inputs", () => {
  interface Declared {
    readonly inputs?: Readonly<Record<string, { readonly default?: unknown; readonly required?: boolean }>>;
  }
  const reusable = workflowsIn(".github/workflows").flatMap((file) => {
    const { on } = parse(read(file)) as { on: { workflow_call?: Declared } };
    return on.workflow_call ? [[file, on.workflow_call] as const] : [];
  });
  const all = [...ACTION_FILES.map((file) => [file, parse(read(file)) as Declared] as const), ...reusable].flatMap(
    ([file, { inputs = {} }]) =>
      Object.entries(inputs).map(([name, input]) => ({ at: `${file}: ${name}`, name, ...input })),
  );

  it("are kebab-case, and either required or of a stated default", () => {
    assert.ok(reusable.length >= 4 && all.length > 80);
    for (const { at, name, required = false, default: value } of all) {
      assert.match(name, /^[a-z]+(-[a-z]+)*$/, at);
      assert.ok(required !== (value !== undefined), at);
    }
  });

  it("overrule no gitune.yaml by their defaults", () => {
    const ours = all.filter(({ name, required }) => required !== true && CONFIG_KEYS.has(name));
    assert.deepEqual([...new Set(ours.map(({ name }) => name))].sort(), ["base", "device", "projects", "tag"]);
    for (const { at, default: value } of ours) assert.equal(value, "", at);
  });
});

describe("the linters themselves", () => {
  const injected = [
    "on: pull_request",
    "jobs:",
    "  a:",
    "    runs-on: ubuntu-latest",
    "    steps:",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of a workflow
    "      - run: echo ${{ github.event.pull_request.title }}",
  ].join("\n");

  it("see an unknown key and an unknown context", async () => {
    const wrong = injected.replace("runs-on", "run-on").replace("github.event.pull_request.title", "nothing.here");
    assert.notDeepEqual(await languageService(".github/workflows/x.yml", wrong), []);
  });

  it("see a script injection", async () => {
    const found = await actionlint(".github/workflows/x.yml", injected);
    assert.match(found.join("\n"), /untrusted/);
  });
});
