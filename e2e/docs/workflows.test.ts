/** The workflows that the documents show: what `gitune init` writes, where they say its file, and nothing that a linter refuses. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { REPOSITORY } from "../support/action-folder.js";
import { ENVIRONMENT, GitRepository } from "../support/git-repository.js";
import { lintWorkflow } from "../support/lint-workflow.js";

const DOCUMENTS = ["github", "nightly", "publishing", "self-hosted"].map((name) => `docs/${name}.md`);
const README = "packages/action/README.md";

interface Shown {
  readonly document: string;
  /** Where the snippet says that it goes. */
  readonly file: string | undefined;
  readonly yaml: string;
}

interface Caller {
  readonly uses?: string;
  readonly permissions?: unknown;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
}

const read = (path: string) => readFileSync(join(REPOSITORY, path), "utf8");
/** A fragment that begins with `with:` is of a job that calls the workflow which the document is about. */
const whole = (document: string, yaml: string) => {
  if (!/^ +with:/.test(yaml)) return yaml;
  const name = document === "docs/nightly.md" ? "gitune-nightly" : "gitune-pr";
  const uses = `gitune/gitune/.github/workflows/${name}.yml@v1`;
  return `on: workflow_dispatch\njobs:\n  gitune:\n    uses: ${uses}\n    permissions: {}\n${yaml}`;
};

const SHOWN: readonly Shown[] = [...DOCUMENTS, README].flatMap((document) =>
  [...read(document).matchAll(/^```yaml\n(?:# (\.github\/workflows\/[\w-]+\.yml)\n)?([\s\S]*?)^```/gm)]
    .map(([, file, yaml = ""]) => ({ document, file, yaml: whole(document, yaml) }))
    .filter(({ yaml }) => /^jobs:/m.test(yaml)),
);

describe("workflows in the documents", () => {
  it("are found", () => {
    assert.deepEqual([...new Set(SHOWN.map(({ document }) => document))], [...DOCUMENTS, README]);
  });

  for (const [index, { document, yaml }] of SHOWN.entries()) {
    it(`are refused by no linter: ${index + 1}, ${document}`, async () => {
      assert.deepEqual(await lintWorkflow(".github/workflows/shown.yml", yaml), []);
    });
  }

  it("give ours inputs and secrets that it knows, and the rights that it asks for", () => {
    for (const { document, yaml } of SHOWN) {
      for (const job of Object.values((parse(yaml) as { jobs: Readonly<Record<string, Caller>> }).jobs)) {
        const name = /\/(\.github\/workflows\/gitune-[a-z]+\.yml)@/.exec(job.uses ?? "")?.[1];
        if (name === undefined) continue;
        const { on } = parse(read(name)) as { on: { workflow_call: { inputs: object; secrets?: object } } };
        const { inputs, secrets = {} } = on.workflow_call;
        for (const key of Object.keys(job.with ?? {})) assert.ok(key in inputs, `${document}: ${key}`);
        for (const key of Object.keys(job.secrets ?? {})) assert.ok(key in secrets, `${document}: ${key}`);
        assert.ok(job.permissions !== undefined, `${document}: a job without rights starts none of ours`);
      }
    }
  });

  it("are those that init writes", (t) => {
    const repository = new GitRepository();
    t.after(() => repository.remove());
    const main = join(REPOSITORY, "packages/cli/dist/main.js");
    execFileSync(process.execPath, [main, "init", "--yes"], { cwd: repository.root, env: ENVIRONMENT, stdio: "pipe" });

    // The action's README has another form, in one job.
    const said = SHOWN.filter(({ document, file }) => document !== README && file !== undefined);
    const written = said.filter(({ file = "" }) => existsSync(join(repository.root, file)));
    assert.deepEqual([...new Set(written.map(({ document }) => document))].sort(), [
      "docs/github.md",
      "docs/publishing.md",
    ]);
    for (const { file = "", yaml } of written) {
      assert.deepEqual(parse(yaml), parse(readFileSync(join(repository.root, file), "utf8")), file);
    }
  });
});
