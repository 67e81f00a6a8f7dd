/** Every op by name. Backends map over it: a forgotten kernel is a compile error. */
import { attentionOp } from "./attention.js";
import {
  addOp,
  castOp,
  divOp,
  expOp,
  logOp,
  maximumOp,
  minimumOp,
  mulOp,
  negOp,
  sigmoidOp,
  sqrtOp,
  subOp,
} from "./elementwise.js";
import { gatherRowsOp, pickOp, scatterAddRowsOp } from "./gather.js";
import { int8LinearOp, int8MatMulOp, quantizeRowsOp, rowScaleOp } from "./int8.js";
import { constantOp, inputOp, weightOp } from "./leaf.js";
import { headLossOp } from "./loss.js";
import { matMulOp } from "./matmul.js";
import { concatOp, expandOp, reshapeOp, sliceOp, transposeOp } from "./movement.js";
import { rmsInverseOp, rmsNormOp } from "./norm.js";
import { argMaxOp, sumOp } from "./reduce.js";
import { ropeOp } from "./rope.js";
import { softmaxOp } from "./softmax.js";
import { swigluOp } from "./swiglu.js";

export const LEAVES = { input: inputOp, weight: weightOp, constant: constantOp } as const;

export const PRIMITIVES = {
  add: addOp,
  sub: subOp,
  mul: mulOp,
  div: divOp,
  minimum: minimumOp,
  maximum: maximumOp,
  neg: negOp,
  exp: expOp,
  log: logOp,
  sqrt: sqrtOp,
  sigmoid: sigmoidOp,
  cast: castOp,
  sum: sumOp,
  argMax: argMaxOp,
  reshape: reshapeOp,
  transpose: transposeOp,
  slice: sliceOp,
  concat: concatOp,
  expand: expandOp,
  matMul: matMulOp,
  gatherRows: gatherRowsOp,
  scatterAddRows: scatterAddRowsOp,
  pick: pickOp,
  softmax: softmaxOp,
  rmsNorm: rmsNormOp,
  rmsInverse: rmsInverseOp,
  rope: ropeOp,
  rowScale: rowScaleOp,
  quantizeRows: quantizeRowsOp,
  int8MatMul: int8MatMulOp,
} as const;

/** Replaced by primitives before lowering (`passes/expand-composites.ts`). */
export const COMPOSITES = {
  swiglu: swigluOp,
  attention: attentionOp,
  headLoss: headLossOp,
  int8Linear: int8LinearOp,
} as const;

export const OPS = { ...LEAVES, ...PRIMITIVES, ...COMPOSITES } as const;

export type LeafName = keyof typeof LEAVES;
export type PrimitiveName = keyof typeof PRIMITIVES;
export type CompositeName = keyof typeof COMPOSITES;
export type OpName = keyof typeof OPS;
