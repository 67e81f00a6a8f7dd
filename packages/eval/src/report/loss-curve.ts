/** How trainings went, as inline SVG. Colours come from the page's style sheet by class; the ends are in a table, too. */
import type { TrainSummary } from "./report.js";
import { thin } from "./thin.js";

export interface Curve extends Pick<TrainSummary, "losses" | "learningRates" | "validation" | "keptStep"> {
  readonly name: "base" | "head";
}

const WIDTH = 680;
const PADDING = 14;
const AXIS_WIDTH = 52;
/** The losses' part; the learning rate's strip is below it. */
const LOSS_HEIGHT = 190;
const RATE_TOP = LOSS_HEIGHT + 14;
const RATE_HEIGHT = 34;
const HEIGHT = RATE_TOP + RATE_HEIGHT + 24;
/** More points than pixels say nothing more. */
const MAX_POINTS = 300;
/** More dots than this touch each other. */
const MAX_DOTS = 60;

interface Point {
  readonly step: number;
  readonly value: number;
}

/**
 * Training loss (a line; long runs are averaged over neighbouring steps), validation loss (dashed, with dots; a ring is the
 * state that was kept) and, below, the learning rate, all by step.
 * @returns an empty text where there is nothing to draw
 */
export function lossCurve(curves: readonly Curve[]): string {
  const drawn = curves
    .map((curve) => ({ ...curve, training: pointsOf(curve.losses ?? []), rates: pointsOf(curve.learningRates ?? []) }))
    .filter(({ training }) => training.length > 1);
  if (drawn.length === 0) return "";
  const validations = drawn.map(({ validation = [] }) => validation.map(({ step, loss }) => ({ step, value: loss })));
  const losses = [...drawn.flatMap(({ training }) => training), ...validations.flat()].map(({ value }) => value);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const lastStep = Math.max(...drawn.map(({ losses }) => losses?.length ?? 0));
  const x = (step: number): string =>
    (AXIS_WIDTH + ((step - 1) / (lastStep - 1)) * (WIDTH - AXIS_WIDTH - PADDING)).toFixed(1);
  const y = (loss: number): string =>
    (PADDING + ((high - loss) / (high - low || 1)) * (LOSS_HEIGHT - 2 * PADDING)).toFixed(1);
  const line = (style: string, points: readonly Point[], yOf: (value: number) => string): string =>
    `<polyline class="${style}" points="${points.map(({ step, value }) => `${x(step)},${yOf(value)}`).join(" ")}"/>`;

  const topRate = Math.max(0, ...drawn.flatMap(({ rates }) => rates.map(({ value }) => value)));
  const yRate = (rate: number): string => (RATE_TOP + (1 - rate / topRate) * RATE_HEIGHT).toFixed(1);
  const marks = drawn.flatMap(({ name, training, rates, keptStep }, index) => {
    const validation = validations[index] ?? [];
    const kept = validation.find(({ step }) => step === keptStep);
    return [
      line(`curve ${name}`, training, y),
      validation.length > 1 ? line(`curve validation ${name}`, validation, y) : "",
      ...(validation.length <= MAX_DOTS ? validation : []).map(
        ({ step, value }) => `<circle class="point ${name}" cx="${x(step)}" cy="${y(value)}" r="3"/>`,
      ),
      kept === undefined ? "" : `<circle class="ring ${name}" cx="${x(kept.step)}" cy="${y(kept.value)}" r="6"/>`,
      topRate > 0 ? line(`curve rate ${name}`, rates, yRate) : "",
    ];
  });
  const hasValidation = validations.some(({ length }) => length > 0);
  const legend = drawn.map(
    ({ name }, index) =>
      `<text class="${name} end" x="${WIDTH - PADDING}" y="${PADDING + 12 + index * 18}">${name}</text>`,
  );
  const key = `<text class="faint end" x="${WIDTH - PADDING}" y="${PADDING + 12 + drawn.length * 18}">dashed: validation, ring: kept</text>`;
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Losses and learning rate by step">`,
    `<text class="faint" x="0" y="${y(high)}" dy="4">${high.toFixed(2)}</text>`,
    `<text class="faint" x="0" y="${y(low)}" dy="4">${low.toFixed(2)}</text>`,
    ...(topRate > 0 ? [`<text class="faint" x="0" y="${RATE_TOP + 8}">lr ${rateText(topRate)}</text>`] : []),
    ...marks,
    ...legend,
    ...(hasValidation ? [key] : []),
    `<text class="faint" x="${AXIS_WIDTH}" y="${HEIGHT - 6}">step 1</text>`,
    `<text class="faint end" x="${WIDTH - PADDING}" y="${HEIGHT - 6}">step ${lastStep}</text>`,
    "</svg>",
  ].join("");
}

/** Steps count from 1. Values that are no number are left out; the steps of a mean stand at their middle. */
function pointsOf(values: readonly number[]): Point[] {
  const points = values.flatMap((value, at) => (Number.isFinite(value) ? [{ step: at + 1, value }] : []));
  const means = thin(
    points.map(({ value }) => value),
    MAX_POINTS,
  );
  const steps = thin(
    points.map(({ step }) => step),
    MAX_POINTS,
  );
  return means.map((value, at) => ({ step: steps[at] ?? 1, value }));
}

/** `2e-3`. */
function rateText(rate: number): string {
  return rate.toExponential(1).replace(".0", "");
}
