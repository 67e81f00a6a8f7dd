/** New rows that are unlike those before: said in the pull request, the one issue and at the terminal, and never in the way. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { BRANCH, KEY, NightlyWorld, proposed } from "../support/nightly-world.js";
import { COLORS, colorsConfig, colorsFiles, jsonl, type Row, row } from "../support/refresh-repository.js";
import { type RowAnswer, rowsAnswer } from "../support/row-server.js";

let world: NightlyWorld;

before(async () => {
  world = await NightlyWorld.start(4);
});
after(() => world.close());
beforeEach(() => world.next());
afterEach(() => world.repository.remove());

const SYLLABLES = ["ba", "de", "fi", "go", "lu", "ma", "ne", "ri", "so", "tu"] as const;
const LABELS = ["red", "green", "blue", "grey"] as const;

/** Rows that nobody would take for another's copies. @param words of a prompt: at least, and so many more at most */
function rows(count: number, seed: number, [least, more]: readonly [number, number], labels: readonly string[]): Row[] {
  let state = seed;
  const below = (limit: number) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
  const syllable = () => SYLLABLES[below(SYLLABLES.length)] ?? "";
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: least + below(more) }, () => syllable() + syllable() + syllable());
    return row(words.join(" "), labels[below(labels.length)] ?? "");
  });
}

/** Answers by path; 304 where the client has it. */
function byPath(given: Readonly<Record<string, readonly Row[]>>): RowAnswer {
  return (request, response) => rowsAnswer(jsonl(given[request.url ?? ""] ?? []))(request, response);
}

describe("drift of what the sources give", () => {
  it("is one issue until the rows are merged; the rows are proposed all the same", async () => {
    const sources = [
      world.source(),
      world.source({ name: "phone", path: "/phone.jsonl", into: "train/phone.jsonl" }),
      world.source({ name: "few", path: "/few.jsonl", into: "train/few.jsonl" }),
    ];
    world.open({
      ...colorsFiles(colorsConfig(sources.join("\n")).replace("max_length: 64", "max_length: 200")),
      [`${COLORS}/train/0001.jsonl`]: jsonl(rows(90, 1, [3, 6], LABELS)),
      [`${COLORS}/train/new.jsonl`]: jsonl(rows(110, 2, [3, 6], LABELS)),
    });
    world.rows.answer(
      byPath({
        "/rows.jsonl": rows(50, 3, [3, 6], LABELS),
        "/phone.jsonl": rows(45, 4, [9, 4], ["blue", "pink"]),
        "/few.jsonl": rows(20, 5, [9, 4], ["pink"]),
      }),
    );
    const night = await world.run();
    assert.deepEqual([night.conclusion, night.outputs["healthy"]], ["success", "false"], night.log);
    const [pull] = await world.pulls();
    const said = [
      /45 rows of `phone` against 200: length of prompts, PSI \d\.\d\d: median \d\d → \d\d characters/,
      /45 rows of `phone` against 200: labels, PSI \d\.\d\d: not seen before 0\.0% → \d\d\.\d%/,
    ];
    const listed = (pull?.body ?? "").split("\n").filter((line) => line.startsWith("- ") && line.includes("PSI"));
    assert.equal(listed.length, said.length, pull?.body ?? "");
    for (const [at, what] of said.entries()) assert.match(listed[at] ?? "", what);
    const [issue, ...others] = await world.issues();
    assert.deepEqual([issue?.state, others], ["open", []]);
    assert.match(
      issue?.body ?? "",
      /- `colors`: new rows have drifted, 45 rows of `phone` against 200: length of prompts, .+; labels, .+ \(\[pull request\]\(http/,
    );

    // A night that brings nothing is no sign that all is well.
    const quiet = await world.run();
    assert.deepEqual([quiet.outputs["has-proposal"], quiet.outputs["healthy"]], ["false", "false"], quiet.log);
    assert.deepEqual(
      (await world.issues()).map(({ number, state }) => [number, state]),
      [[issue?.number, "open"]],
    );

    // The same at a laptop, in figures and in lines.
    world.checkout();
    const env = { FEEDBACK_KEY: KEY };
    const { document, code } = await world.repository.refresh([], env);
    const [own, phone, few, ...more] = document.projects[0]?.drift ?? [];
    assert.ok(code === 0 && own && phone && few && more.length === 0);
    assert.deepEqual(
      [own, phone, few].map(({ measures, ...rest }) => ({ ...rest, measures: measures.length })),
      [
        {
          file: "train/new.jsonl",
          sources: ["feedback"],
          rows: 50,
          rows_before: 110,
          compared_with: "file",
          measures: 3,
        },
        {
          file: "train/phone.jsonl",
          sources: ["phone"],
          rows: 45,
          rows_before: 200,
          compared_with: "split",
          measures: 3,
        },
        { file: "train/few.jsonl", sources: ["few"], rows: 20, rows_before: 200, compared_with: "split", measures: 0 },
      ],
    );
    assert.deepEqual(
      [own, phone].map(({ measures }) => measures.map(({ measure, drifted }) => [measure, drifted])),
      [
        [
          ["prompt_length", false],
          ["labels", false],
          ["scripts", false],
        ],
        [
          ["prompt_length", true],
          ["labels", true],
          ["scripts", false],
        ],
      ],
    );
    for (const { psi, p_value, drifted } of [...own.measures, ...phone.measures])
      assert.equal(drifted, psi > 0.25 && p_value < 0.001);
    const { stdout } = await world.repository.refreshText([], env);
    const lines = stdout.split("\n").filter((line) => line.includes("drift"));
    assert.equal(lines.length, 2, stdout);
    assert.match(
      lines[0] ?? "",
      /^ {2}drift of phone \(45 rows against 200\): length of prompts, PSI \d\.\d\d: median/,
    );

    world.repository.git("push", "--quiet", "origin", `origin/${BRANCH}:main`);
    const merged = await world.run();
    assert.deepEqual([merged.conclusion, merged.outputs["healthy"]], ["success", "true"], merged.log);
    assert.deepEqual(
      (await world.issues()).map(({ number, state }) => [number, state]),
      [[issue?.number, "closed"]],
    );
  });

  const drift = (category: string) => {
    const figures = { psi: 1.5, p_value: 1e-9, drifted: true, before: 0.2, now: 0.9 };
    const rows = { file: "train/new.jsonl", sources: ["feedback"], rows: 80, rows_before: 900, compared_with: "file" };
    return [{ ...rows, measures: [{ measure: "labels", category, ...figures }] }];
  };

  it("a label is text of a row, and stays text", async () => {
    const hostile = "--> <!-- x -->\n@octo #1 ![x](http://127.0.0.1/p.png) <img src=x> | `$(id)`";
    world.script(proposed({ drift: drift(hostile) }));
    const job = await world.run("scripted");
    const texts = [(await world.pulls())[0]?.body ?? "", (await world.issues())[0]?.body ?? "", job.summary];
    for (const text of texts) {
      assert.match(text, /80 rows of `feedback` against 900: labels, PSI 1\.50: ".?--.*" 20\.0% → 90\.0%/);
      assert.doesNotMatch(text.split("\n").slice(1).join("\n"), /<!--|@octo|#1\b|!\[|<img/);
    }
  });

  it("of rows that somebody has declined is no matter any more", async () => {
    const issues = async () => (await world.issues()).map(({ state }) => state);
    world.script(proposed({ drift: drift("red") }));
    await world.run("scripted");
    assert.deepEqual(await issues(), ["open"]);
    const [pull] = await world.pulls();
    await world.rest.pulls.update({ ...world.where, pull_number: pull?.number ?? 0, state: "closed" });
    const pending = proposed({ drift: drift("red"), status: "pending", run: null, verdict: null });
    const stdout = JSON.stringify(pending(world.repository.git("rev-parse", "rows")));
    world.repository.write({ "scenario.json": JSON.stringify({ stdout }) });
    await world.run("scripted");
    assert.deepEqual(await issues(), ["closed"]);
  });
});
