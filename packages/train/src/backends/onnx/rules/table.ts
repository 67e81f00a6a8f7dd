/** One lowering rule an op: a forgotten one is a compile error. */
import type { PrimitiveName } from "../../../ops/table.js";
import { elementwise } from "./elementwise.js";
import { gather } from "./gather.js";
import { int8 } from "./int8.js";
import { layers } from "./layers.js";
import { matmul } from "./matmul.js";
import { movement } from "./movement.js";
import { reduce } from "./reduce.js";
import type { Rule } from "./rule.js";

export const RULES: { readonly [K in PrimitiveName]: Rule } = {
  ...elementwise,
  ...reduce,
  ...movement,
  ...matmul,
  ...gather,
  ...layers,
  ...int8,
};
