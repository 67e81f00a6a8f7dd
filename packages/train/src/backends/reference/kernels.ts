/**
 * Slow, plain kernels in float64, one an op: the oracle that every backend is tested against.
 * Nothing here is clever on purpose.
 */
import type { Node } from "../../ir/node.js";
import { type Shape, sizeOf } from "../../ir/shape.js";
import { INT8_MAX, INT8_ZERO, LEAST_SCALE } from "../../ops/int8.js";
import type { PrimitiveName } from "../../ops/table.js";

/** Row-major values. int64 fits exactly up to 2^53. */
export interface Value {
  readonly data: Float64Array;
  readonly shape: Shape;
}

type Kernel = (node: Node, src: readonly Value[]) => Float64Array;

/** Row-major strides, in elements. */
function strides(shape: Shape): number[] {
  const out = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) out[i] = out[i + 1]! * shape[i + 1]!;
  return out;
}

/** The coordinates of the flat index. */
function coordinates(flat: number, shape: Shape): number[] {
  return strides(shape).map((stride, i) => Math.floor(flat / stride) % shape[i]!);
}

/** The flat index in a broadcast operand of the output's coordinates. */
function broadcastIndex(at: readonly number[], shape: Shape): number {
  const skip = at.length - shape.length;
  return strides(shape).reduce((flat, stride, i) => flat + (shape[i] === 1 ? 0 : at[skip + i]! * stride), 0);
}

function fill(shape: Shape, value: (at: number[], flat: number) => number): Float64Array {
  return Float64Array.from({ length: sizeOf(shape) }, (_, flat) => value(coordinates(flat, shape), flat));
}

const unary =
  (f: (x: number) => number): Kernel =>
  (_node, [x]) =>
    x!.data.map(f);

const binary =
  (f: (a: number, b: number) => number): Kernel =>
  (node, [a, b]) =>
    fill(node.shape, (at) => f(a!.data[broadcastIndex(at, a!.shape)]!, b!.data[broadcastIndex(at, b!.shape)]!));

/** Calls `row` with each run along the last axis. */
function overLast(x: Value, row: (start: number, size: number) => void): void {
  const size = x.shape.at(-1)!;
  for (let start = 0; start < x.data.length; start += size) row(start, size);
}

export const KERNELS: { readonly [K in PrimitiveName]: Kernel } = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  minimum: binary(Math.min),
  maximum: binary(Math.max),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  cast: (node, [x]) => (node.dtype === "i64" ? x!.data.map(Math.trunc) : x!.data.slice()),
  sum: (node, [x]) => {
    const out = new Float64Array(sizeOf(node.shape));
    for (const [flat, value] of x!.data.entries()) {
      const i = broadcastIndex(coordinates(flat, x!.shape), node.shape);
      out[i] = out[i]! + value;
    }
    return out;
  },
  argMax: (node, [x]) => {
    const out: number[] = [];
    overLast(x!, (start, size) => {
      let best = 0;
      for (let i = 1; i < size; i++) if (x!.data[start + i]! > x!.data[start + best]!) best = i;
      out.push(best);
    });
    return Float64Array.from(out).subarray(0, sizeOf(node.shape));
  },
  reshape: (_node, [x]) => x!.data.slice(),
  transpose: (node, [x]) => {
    const perm = node.attrs["perm"] as readonly number[];
    const from = strides(x!.shape);
    return fill(node.shape, (at) => x!.data[perm.reduce((flat, axis, i) => flat + at[i]! * from[axis]!, 0)]!);
  },
  slice: (node, [x]) => {
    const { axis, start } = node.attrs as { axis: number; start: number };
    return fill(
      node.shape,
      (at) =>
        x!.data[
          broadcastIndex(
            at.map((i, d) => (d === axis ? i + start : i)),
            x!.shape,
          )
        ]!,
    );
  },
  concat: (node, src) => {
    const axis = node.attrs["axis"] as number;
    return fill(node.shape, (at) => {
      let i = at[axis]!;
      const part = src.find(({ shape }) => {
        if (i < shape[axis]!) return true;
        i -= shape[axis]!;
        return false;
      })!;
      return part.data[strides(part.shape).reduce((flat, stride, d) => flat + (d === axis ? i : at[d]!) * stride, 0)]!;
    });
  },
  expand: (node, [x]) => fill(node.shape, (at) => x!.data[broadcastIndex(at, x!.shape)]!),
  matMul: (node, [a, b]) => {
    const { transA, transB, alpha } = node.attrs as { transA: boolean; transB: boolean; alpha: number };
    const inner = a!.shape.at(transA ? -2 : -1)!;
    const index = ({ shape }: Value, at: readonly number[], row: number, col: number) =>
      broadcastIndex([...at, row, col], shape);
    return fill(node.shape, (at) => {
      const [batch, m, n] = [at.slice(0, -2), at.at(-2)!, at.at(-1)!];
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        const x = a!.data[transA ? index(a!, batch, k, m) : index(a!, batch, m, k)]!;
        sum += x * b!.data[transB ? index(b!, batch, n, k) : index(b!, batch, k, n)]!;
      }
      return alpha * sum;
    });
  },
  gatherRows: (node, [x, index]) => {
    const size = sizeOf(x!.shape.slice(1));
    return fill(node.shape, (_at, flat) => x!.data[index!.data[Math.floor(flat / size)]! * size + (flat % size)]!);
  },
  scatterAddRows: (node, [updates, index]) => {
    const out = new Float64Array(sizeOf(node.shape));
    const size = sizeOf(node.shape.slice(1));
    for (const [flat, value] of updates!.data.entries()) {
      const i = index!.data[Math.floor(flat / size)]! * size + (flat % size);
      out[i] = out[i]! + value;
    }
    return out;
  },
  pick: (node, [x, index]) => fill(node.shape, ([row]) => x!.data[row! * x!.shape[1]! + index!.data[row!]!]!),
  softmax: (_node, [x]) => {
    const out = new Float64Array(x!.data.length);
    overLast(x!, (start, size) => {
      const row = x!.data.subarray(start, start + size);
      const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const total = row.reduce((sum, value) => sum + Math.exp(value - max), 0);
      for (let i = 0; i < size; i++) out[start + i] = Math.exp(row[i]! - max) / total;
    });
    return out;
  },
  rmsNorm: (node, [x, w]) => {
    const inverse = inverseRms(x!, node.attrs["eps"] as number);
    const size = x!.shape.at(-1)!;
    return x!.data.map((value, flat) => value * inverse[Math.floor(flat / size)]! * w!.data[flat % size]!);
  },
  rmsInverse: (node, [x]) => inverseRms(x!, node.attrs["eps"] as number),
  rope: (node, [x, positions, cos, sin]) => {
    const half = cos!.shape[1]!;
    const length = x!.shape[2]!;
    return fill(node.shape, (at, flat) => {
      const [batch, , t, d] = at as [number, number, number, number];
      const row = positions!.data[batch * length + t]! * half + (d % half);
      const other = d < half ? -x!.data[flat + half]! : x!.data[flat - half]!;
      return x!.data[flat]! * cos!.data[row]! + other * sin!.data[row]!;
    });
  },
  rowScale: (_node, [x]) => {
    const out: number[] = [];
    overLast(x!, (start, size) => {
      const most = x!.data.subarray(start, start + size).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      out.push(Math.max(most / INT8_MAX, LEAST_SCALE));
    });
    return Float64Array.from(out);
  },
  quantizeRows: (_node, [x, scale]) => {
    const size = x!.shape.at(-1)!;
    return x!.data.map((value, flat) => {
      const rounded = roundToEven(value / scale!.data[Math.floor(flat / size)]!) + INT8_ZERO;
      return Math.min(255, Math.max(0, rounded));
    });
  },
  int8MatMul: (node, [rows, scale, w, columns]) => {
    const [inner, width] = w!.shape as [number, number];
    return fill(node.shape, ([n, m]) => {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += (rows!.data[n! * inner + k]! - INT8_ZERO) * w!.data[k * width + m!]!;
      return sum * scale!.data[n!]! * columns!.data[m!]!;
    });
  },
};

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

function inverseRms(x: Value, eps: number): Float64Array {
  const out: number[] = [];
  overLast(x, (start, size) => {
    const squares = x.data.subarray(start, start + size).reduce((sum, value) => sum + value * value, 0);
    out.push(1 / Math.sqrt(squares / size + eps));
  });
  return Float64Array.from(out);
}
