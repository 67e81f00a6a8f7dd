/** How a step's cost grows with layers, length and rank, beside what the maths says. */

import { trainingFlops } from "../lib/flops.mjs";
import { modelSizes } from "../lib/gitune-api.mjs";
import { plotSvg } from "../lib/plot.mjs";
import { nodeSide, RECIPE, TARGETS } from "../lib/sides.mjs";
import { median } from "../lib/statistics.mjs";
import { tokensOf, Work } from "../lib/work.mjs";

export const title = "Scaling";

/** Each changes one thing; the other two stay at the middle. Rows are as many as make the same number of tokens. */
const MIDDLE = { layers: 12, length: 512, r: 8 };
const SWEEPS = {
  layers: [6, 12, 30],
  length: [128, 256, 512, 1024, 2048],
  r: [8, 64, 256],
};
const STEP_TOKENS = 2048;
const CAPTION = "Seconds a step against layers, length and rank";
/** Measured / expected beyond these is growth that the maths does not explain. */
const EXPECTED = [0.8, 1.25];

/** @param {import("../run.mjs").Context} context */
export async function run({ environment, threads, pairs, quick, say }) {
  const model = await modelSizes({ base: environment.hf });
  const work = await Work.open(environment.hf);
  // The largest rank here would be no low-rank update of k and v, which are 192 wide.
  const targets = TARGETS["all linear"].filter((name) => !["k_proj", "v_proj"].includes(name));
  const points = Object.entries(SWEEPS).flatMap(([axis, values]) =>
    (quick ? values.slice(0, 1) : values).map((value) => ({ axis, value, setting: { ...MIDDLE, [axis]: value } })),
  );
  const stepsOf = (length) => work.full({ rows: STEP_TOKENS / length, length, steps: 1 + pairs });
  const middleSteps = stepsOf(MIDDLE.length);
  const measured = [];
  for (const { axis, value, setting } of points) {
    say(`scaling: ${axis} ${value}`);
    const { length } = setting;
    const steps = stepsOf(length);
    // Beside the point in question the middle one takes its steps, so that each ratio is of neighbours in time.
    const [point, reference] = await inTurn(
      [setting, MIDDLE].map((own) => ({
        ...RECIPE,
        base: environment.hf,
        threads,
        targets,
        layers: own.layers,
        longestLane: own.length,
        r: own.r,
      })),
      [steps, middleSteps],
    );
    const cost = (own, rows) => trainingFlops({ ...model, layers: own.layers }, { r: own.r, targets }, rows).total;
    const expected = cost(setting, steps[0]) / cost(MIDDLE, middleSteps[0]);
    const ratio = median(point.seconds.map((seconds, i) => seconds / reference.seconds[i]));
    measured.push({
      axis,
      value,
      tokensPerSecond: tokensOf(steps[0]) / median(point.seconds),
      peakBytes: point.peak,
      ratio,
      expected,
      seconds: median(point.seconds),
    });
  }
  return report(measured);
}

async function inTurn(settings, steps) {
  const sides = settings.map((setting) => nodeSide({ name: "gitune", script: "gitune-side.mjs", settings: setting }));
  const answers = sides.map(() => []);
  try {
    for (const side of sides) await side.ready();
    for (let round = 0; round < steps[0].length; round++) {
      for (const [i, side] of sides.entries()) answers[i].push(await side.ask("step", { rows: steps[i][round] }));
    }
  } finally {
    for (const side of sides) await side.close();
  }
  // The first step compiles.
  return answers.map((list) => ({
    seconds: list.slice(1).map(({ seconds }) => seconds),
    peak: list.at(-1).memory.peak,
  }));
}

function report(measured) {
  const outside = measured.filter(
    ({ ratio, expected }) => ratio / expected < EXPECTED[0] || ratio / expected > EXPECTED[1],
  );
  const of = (axis) => measured.filter((point) => point.axis === axis);
  const panels = Object.keys(SWEEPS).flatMap((axis) => {
    const points = of(axis);
    const middle = points.find(({ value }) => value === MIDDLE[axis]) ?? points[0];
    return [
      {
        title: axis === "r" ? "rank" : axis,
        x: axis === "r" ? "rank" : axis === "length" ? "tokens a row" : "layers",
        y: "seconds a step",
        series: [
          { name: "measured", points: points.map(({ value, seconds }) => [value, seconds]) },
          {
            name: "as the maths says",
            isDashed: true,
            points: points.map(({ value, expected }) => [value, (middle.seconds * expected) / middle.expected]),
          },
        ],
      },
    ];
  });
  return {
    measured,
    tables: [
      {
        caption: `Steps of ${STEP_TOKENS} tokens, LoRA on all linear layers but k and v, float32; at ${MIDDLE.layers} layers, rows of ${MIDDLE.length} tokens and rank ${MIDDLE.r} but for what is named. Times are those of a step at the middle setting, taken in turn`,
        columns: ["", "tokens/s", "peak MiB", "times the middle", "the maths says", "measured / maths"],
        rows: measured.map(({ axis, value, tokensPerSecond, peakBytes, ratio, expected }) => [
          `${axis === "r" ? "rank" : axis} ${value}`,
          tokensPerSecond.toFixed(0),
          (peakBytes / 2 ** 20).toFixed(0),
          ratio.toFixed(2),
          expected.toFixed(2),
          (ratio / expected).toFixed(2),
        ]),
      },
    ],
    goals: [
      {
        goal: `The cost grows as the maths says: measured / expected within ${EXPECTED.join("-")} at every point`,
        measured:
          outside.length === 0
            ? "all within"
            : outside
                .map(({ axis, value, ratio, expected }) => `${axis} ${value}: ${(ratio / expected).toFixed(2)}`)
                .join("; "),
        met: outside.length === 0,
      },
    ],
    plots: [{ file: "scaling.svg", caption: CAPTION, svg: plotSvg(CAPTION, panels) }],
  };
}
