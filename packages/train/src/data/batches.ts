/**
 * Which rows form which step, and in what shapes: a pure function of the rows' lengths, the recipe and the seed.
 * An optimizer step takes `batchSize` rows of a shuffled epoch; the epoch's last step takes what is left. Inside a step,
 * rows are sorted by length into micro-batches, so that little is padding. Every label of a step weighs 1 / labels of the
 * step, so accumulation over micro-batches of any size is the gradient of one big batch.
 */
import { InternalError } from "@gitune/core";
import type { MicroBatch } from "../loop/program.js";
import type { EncodedRows } from "./encoded-rows.js";
import { createRandom, deriveSeed, shuffledIndices } from "./random.js";

/** Lengths are rounded up to this many tokens: vector units like it, and it keeps shapes few. */
const LENGTH_MULTIPLE = 32;
const LABEL_MULTIPLE = 8;
/** Each shape is a graph to build and its memory to hold; four leave little padding on real lengths. */
const MAX_SHAPES = 4;

/** The shape of a micro-batch; a program is built once for each. */
export interface BatchShape {
  /** Sequences. */
  readonly batch: number;
  /** Tokens a sequence. */
  readonly length: number;
  /** Labels, padding included. */
  readonly labels: number;
}

/** What decides the plan. */
export interface PlanConfig {
  readonly batchSize: number;
  readonly microBatchSize: number;
  readonly epochs: number;
  /** Optimizer steps; null means `epochs` decides. More than the epochs hold goes on with further epochs. */
  readonly maxSteps: number | null;
  readonly seed: number;
}

/** One pass of a step. */
export interface MicroPlan {
  /** Indices into the rows, at most `shape.batch`. */
  readonly rows: readonly number[];
  readonly shape: BatchShape;
}

/** One optimizer step. */
export interface StepPlan {
  /** Counts from 0. */
  readonly step: number;
  /** Counts from 0. */
  readonly epoch: number;
  readonly micro: readonly MicroPlan[];
  /** Labels of all its rows. */
  readonly labels: number;
  /** Tokens of all its rows, padding left out. */
  readonly tokens: number;
}

/** The whole run. */
export interface TrainPlan {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** All shapes that occur, shortest first; at most four. */
  readonly shapes: readonly BatchShape[];
  /** @param index in [0, totalSteps) */
  step(index: number): StepPlan;
}

/** Plans a run. */
export function planTraining(encoded: EncodedRows, config: PlanConfig): TrainPlan {
  const stepsPerEpoch = Math.ceil(encoded.length / config.batchSize);
  const totalSteps = config.maxSteps ?? config.epochs * stepsPerEpoch;
  const rowsOf = stepRows(encoded, config, stepsPerEpoch);
  const shapes = chooseShapes(encoded, config, totalSteps, rowsOf);
  return {
    totalSteps,
    stepsPerEpoch,
    shapes,
    step: (index) => {
      const micro = rowsOf(index).map((rows) => ({ rows, shape: shapeFor(shapes, longestOf(encoded, rows)) }));
      const rows = micro.flatMap((pass) => pass.rows);
      return {
        step: index,
        epoch: Math.floor(index / stepsPerEpoch),
        micro,
        labels: labelsOf(encoded, rows),
        tokens: rows.reduce((sum, row) => sum + encoded.rowLength(row), 0),
      };
    },
  };
}

/** The shapes of a run, so that programs can be built before it starts. */
export function planShapes(plan: TrainPlan): readonly BatchShape[] {
  return plan.shapes;
}

/**
 * Lays rows out as one padded pass.
 * @param labelWeight of each label: 1 / labels of the step
 */
export function makeMicroBatch(
  encoded: EncodedRows,
  { rows, shape }: MicroPlan,
  labelWeight: number,
  dropoutSeed: number,
): MicroBatch {
  const { batch, length, labels: labelCount } = shape;
  const ids = new BigInt64Array(batch * length).fill(BigInt(encoded.padId));
  const positions = new BigInt64Array(labelCount);
  const labels = new BigInt64Array(labelCount);
  const weights = new Float32Array(labelCount);
  let label = 0;
  for (const [sequence, index] of rows.entries()) {
    const row = encoded.row(index);
    const start = sequence * length;
    for (const [offset, id] of row.ids.entries()) {
      ids[start + offset] = BigInt(id);
      if (row.labelMask[offset] !== 1) continue;
      positions[label] = BigInt(start + offset - 1);
      labels[label] = BigInt(id);
      weights[label] = labelWeight;
      label++;
    }
  }
  if (rows.length > batch || label > labelCount) throw new InternalError("a micro-batch does not fit its shape");
  return { batch, length, ids, positions, labels, weights, dropoutSeed };
}

/** All passes of a step. */
export function makeStepBatches(encoded: EncodedRows, plan: StepPlan, seed: number): MicroBatch[] {
  return plan.micro.map((micro, index) =>
    makeMicroBatch(encoded, micro, 1 / plan.labels, deriveSeed(seed, plan.step, index)),
  );
}

/** The rows of each micro-batch of a step, longest first; the order of the latest epoch is kept. */
function stepRows(encoded: EncodedRows, config: PlanConfig, stepsPerEpoch: number): (step: number) => number[][] {
  let epochInHand = -1;
  let order: Uint32Array = new Uint32Array();
  return (step) => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (epoch !== epochInHand) {
      order = shuffledIndices(encoded.length, createRandom(config.seed, epoch));
      epochInHand = epoch;
    }
    const first = (step % stepsPerEpoch) * config.batchSize;
    const rows = [...order.subarray(first, first + config.batchSize)];
    // Longest first, so that a last pass that is not full holds the shortest rows. Ties by index: one order only.
    rows.sort((a, b) => encoded.rowLength(b) - encoded.rowLength(a) || a - b);
    const micro: number[][] = [];
    for (let at = 0; at < rows.length; at += config.microBatchSize)
      micro.push(rows.slice(at, at + config.microBatchSize));
    return micro;
  };
}

/**
 * At most four lengths that cover every pass of the run with the fewest padded tokens, each with the most labels that any
 * of its passes has.
 */
function chooseShapes(
  encoded: EncodedRows,
  config: PlanConfig,
  totalSteps: number,
  rowsOf: (step: number) => number[][],
): BatchShape[] {
  const seen = new Map<number, { passes: number; labels: number }>();
  for (let step = 0; step < totalSteps; step++) {
    for (const rows of rowsOf(step)) {
      const length = roundUp(longestOf(encoded, rows), LENGTH_MULTIPLE);
      const { passes, labels } = seen.get(length) ?? { passes: 0, labels: 1 };
      seen.set(length, { passes: passes + 1, labels: Math.max(labels, labelsOf(encoded, rows)) });
    }
  }
  const ascending = [...seen].sort(([a], [b]) => a - b);
  const lengths = chooseLengths(ascending.map(([length, { passes }]) => [length, passes]));
  const labelsUpTo = (length: number, above: number): number =>
    Math.max(...ascending.filter(([own]) => own > above && own <= length).map(([, { labels }]) => labels));
  // Fewer rows than a micro-batch takes: the empty places would only cost time.
  const batch = Math.min(config.microBatchSize, config.batchSize, encoded.length);
  return lengths.map((length, index) => ({
    batch,
    length,
    labels: roundUp(labelsUpTo(length, lengths[index - 1] ?? 0), LABEL_MULTIPLE),
  }));
}

/**
 * Splits sorted lengths into at most four runs, each padded to its longest, with the least padding in all.
 * @param counts [length, passes of that length], ascending
 */
function chooseLengths(counts: readonly (readonly [number, number])[]): number[] {
  // best[k][i]: the least cost of the first i lengths in k runs, and where the last run starts.
  interface Cell {
    readonly cost: number;
    readonly from: number;
  }
  const never: Cell = { cost: Number.POSITIVE_INFINITY, from: 0 };
  const best: Cell[][] = [counts.map(() => never)];
  best[0] = [{ cost: 0, from: 0 }, ...(best[0] ?? [])];
  const runs = Math.min(MAX_SHAPES, counts.length);
  for (let run = 1; run <= runs; run++) {
    const row: Cell[] = [never];
    for (let end = 1; end <= counts.length; end++) {
      let cell = never;
      let passes = 0;
      for (let from = end - 1; from >= 0; from--) {
        passes += counts[from]?.[1] ?? 0;
        const cost = (best[run - 1]?.[from]?.cost ?? Number.POSITIVE_INFINITY) + passes * (counts[end - 1]?.[0] ?? 0);
        if (cost < cell.cost) cell = { cost, from };
      }
      row.push(cell);
    }
    best.push(row);
  }
  const lengths: number[] = [];
  for (let run = runs, end = counts.length; run > 0; run--) {
    lengths.unshift(counts[end - 1]?.[0] ?? 0);
    end = best[run]?.[end]?.from ?? 0;
  }
  return lengths;
}

function shapeFor(shapes: readonly BatchShape[], length: number): BatchShape {
  const shape = shapes.find((candidate) => candidate.length >= length);
  if (shape === undefined) throw new InternalError(`no shape holds ${length} tokens`);
  return shape;
}

const longestOf = (encoded: EncodedRows, rows: readonly number[]): number =>
  rows.reduce((longest, row) => Math.max(longest, encoded.rowLength(row)), 0);
const labelsOf = (encoded: EncodedRows, rows: readonly number[]): number =>
  rows.reduce((sum, row) => sum + encoded.rowLabels(row), 0);
const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
