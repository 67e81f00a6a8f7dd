/**
 * Which rows form which step, and how they lie in a pass: a pure function of the rows' lengths, the recipe and the seed.
 * An optimizer step takes `batchSize` rows of a shuffled epoch; the epoch's last step takes what is left. Inside a step, rows
 * of like length share a pass, so that little is padding; with `packing`, rows that fit share a lane.
 * Every label of a step weighs 1 / labels of the step, so accumulation over passes of any size is the gradient of one big
 * batch: how rows lie changes nothing but the time it takes. Rows are never moved to another step for their length (as
 * transformers' `group_by_length` does), since that would change what is learned.
 */
import { InternalError } from "@gitune/core";
import { LEAST_TOKENS } from "../ir/symbol.js";
import type { MicroBatch } from "../loop/program.js";
import type { EncodedRows } from "./encoded-rows.js";
import { createRandom, deriveSeed, mix32, shuffledIndices } from "./random.js";

/** Lanes are rounded up to this many tokens: vector units like it, and so does an allocator that sees fewer sizes. */
const LENGTH_MULTIPLE = 8;

/**
 * What a pass costs before its first token, in tokens: reading every weight twice at 10 GB/s takes as long as 20 tokens at
 * 150 GFLOPS, whatever the model's size; the rest is its start.
 */
const PASS_COST_TOKENS = 32;

/**
 * Tokens of a pass at the most, padding counted, unless one lane is longer: what a pass keeps for its gradient grows with
 * them, and more were not faster (SmolLM2-135M on two cores, 256 against 1,024).
 */
const PASS_TOKENS = 256;

/** What decides the plan. */
export interface PlanConfig {
  readonly batchSize: number;
  /** Lanes of a pass, at most; long ones make smaller passes (`PASS_TOKENS`). */
  readonly microBatchSize: number;
  /** Lets several rows share a lane. */
  readonly packing: boolean;
  readonly epochs: number;
  /** Optimizer steps; null means `epochs` decides. More than the epochs hold goes on with further epochs. */
  readonly maxSteps: number | null;
  readonly seed: number;
}

/** One pass of a step. */
export interface MicroPlan {
  /** Indices of the rows of each lane, in the order they lie there. */
  readonly lanes: readonly (readonly number[])[];
  /** Tokens a lane, padding included. */
  readonly length: number;
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
  /** @param index in [0, totalSteps) */
  step(index: number): StepPlan;
}

/** Plans a run. */
export function planTraining(encoded: EncodedRows, config: PlanConfig): TrainPlan {
  const stepsPerEpoch = Math.ceil(encoded.length / config.batchSize);
  const totalSteps = config.maxSteps ?? Math.ceil(config.epochs * stepsPerEpoch);
  const rowsOf = stepRows(encoded, config, stepsPerEpoch);
  return {
    totalSteps,
    stepsPerEpoch,
    step: (index) => {
      const rows = rowsOf(index);
      return {
        step: index,
        epoch: Math.floor(index / stepsPerEpoch),
        micro: planPasses(encoded, rows, config),
        labels: labelsOf(encoded, rows),
        tokens: rows.reduce((sum, row) => sum + encoded.rowLength(row), 0),
      };
    },
  };
}

interface Lane {
  readonly rows: number[];
  used: number;
}

/**
 * Lays a step's rows into lanes and lanes into passes.
 * @param rows at least one, longest first
 */
export function planPasses(
  encoded: EncodedRows,
  rows: readonly number[],
  { microBatchSize, packing }: Pick<PlanConfig, "microBatchSize" | "packing">,
): MicroPlan[] {
  const lanes = layLanes(encoded, rows, packing).sort((a, b) => b.used - a.used);
  return groupLanes(lanes, microBatchSize).map((group) => {
    const longest = group[0]!.used;
    const least = Math.ceil(LEAST_TOKENS / group.length);
    return { lanes: group.map((lane) => lane.rows), length: roundUp(Math.max(longest, least), LENGTH_MULTIPLE) };
  });
}

/**
 * One row a lane, or with `packing` as many as fit into the length of the longest, each into the first lane with room
 * (first-fit decreasing: Johnson 1973, at most 11/9 of the fewest lanes).
 */
function layLanes(encoded: EncodedRows, rows: readonly number[], packing: boolean): Lane[] {
  const longest = encoded.rowLength(rows[0]!);
  const lanes: Lane[] = [];
  for (const row of rows) {
    const tokens = encoded.rowLength(row);
    const open = packing ? lanes.find(({ used }) => used + tokens <= longest) : undefined;
    if (open) {
      open.rows.push(row);
      open.used += tokens;
    } else lanes.push({ rows: [row], used: tokens });
  }
  return lanes;
}

/**
 * Cuts lanes, longest first, into passes of at most `most` and `PASS_TOKENS`, so that the fewest tokens are computed, padding and the cost of a
 * pass included: the cheapest way to lay the first n lanes follows from the cheapest ways to lay fewer.
 */
function groupLanes(lanes: readonly Lane[], most: number): Lane[][] {
  const cost = [0];
  const starts = [0];
  for (let end = 1; end <= lanes.length; end++) {
    cost.push(Number.POSITIVE_INFINITY);
    for (let start = end - 1; start >= Math.max(0, end - most); start--) {
      const tokens = Math.max(LEAST_TOKENS, (end - start) * roundUp(lanes[start]!.used, LENGTH_MULTIPLE));
      if (tokens > PASS_TOKENS && end - start > 1) continue;
      const total = cost[start]! + tokens + PASS_COST_TOKENS;
      if (total < cost[end]!) [cost[end], starts[end]] = [total, start];
    }
  }
  const groups: Lane[][] = [];
  for (let end = lanes.length; end > 0; end = starts[end]!) groups.unshift(lanes.slice(starts[end], end));
  return groups;
}

/**
 * Lays rows out as one pass.
 * @param labelWeight of each label: 1 / labels of the step
 * @param stepSeed what the step's dropout is drawn from
 */
export function makeMicroBatch(
  encoded: EncodedRows,
  { lanes, length }: MicroPlan,
  labelWeight: number,
  stepSeed: number,
): MicroBatch {
  const batch = lanes.length;
  const labelCount = labelsOf(encoded, lanes.flat());
  const ids = new BigInt64Array(batch * length).fill(BigInt(encoded.padId));
  const positionIds = new BigInt64Array(batch * length);
  const rowStarts = new Float32Array(batch * length);
  const dropoutSeeds = new Int32Array(batch * length);
  const positions = new BigInt64Array(labelCount);
  const labels = new BigInt64Array(labelCount);
  const weights = new Float32Array(labelCount).fill(labelWeight);
  let label = 0;
  for (const [lane, rows] of lanes.entries()) {
    let start = 0;
    for (const index of rows) {
      const row = encoded.row(index);
      if (start + row.ids.length > length) throw new InternalError("a micro-batch does not fit its lanes");
      const rowSeed = deriveSeed(stepSeed, index);
      for (const [offset, id] of row.ids.entries()) {
        const at = lane * length + start + offset;
        ids[at] = BigInt(id);
        positionIds[at] = BigInt(offset);
        rowStarts[at] = start;
        dropoutSeeds[at] = mix32(rowSeed + offset);
        if (row.labelMask[offset] !== 1) continue;
        positions[label] = BigInt(at - 1);
        labels[label] = BigInt(id);
        label++;
      }
      start += row.ids.length;
    }
    // Padding is a row of its own: no label looks at it, and it looks at nothing but itself.
    rowStarts.fill(start, lane * length + start, (lane + 1) * length);
  }
  return { batch, length, ids, positionIds, rowStarts, positions, labels, weights, dropoutSeeds };
}

/** All passes of a step. */
export function makeStepBatches(encoded: EncodedRows, plan: StepPlan, seed: number): MicroBatch[] {
  const stepSeed = deriveSeed(seed, plan.step);
  return plan.micro.map((micro) => makeMicroBatch(encoded, micro, 1 / plan.labels, stepSeed));
}

/** The rows of a step, longest first; the order of the latest epoch is kept. */
function stepRows(encoded: EncodedRows, config: PlanConfig, stepsPerEpoch: number): (step: number) => number[] {
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
    // Ties by index: one order only.
    return rows.sort((a, b) => encoded.rowLength(b) - encoded.rowLength(a) || a - b);
  };
}

const labelsOf = (encoded: EncodedRows, rows: readonly number[]): number =>
  rows.reduce((sum, row) => sum + encoded.rowLabels(row), 0);
const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
