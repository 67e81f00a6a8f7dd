/** Rows in 8 bits, and their products with 8-bit weights (`docs/int8.md`). */
import { INT8_MAX, LEAST_SCALE } from "../../../ops/int8.js";
import { MICROSOFT, type Rules, sources } from "./rule.js";

export const int8 = {
  rowScale: (node, out, to) => {
    const x = to.name(node.src[0]!);
    to.emit("ReduceMax", [x, to.ints([-1])], [`${out}:max`], { keepdims: 1 });
    to.emit("ReduceMin", [x, to.ints([-1])], [`${out}:min`], { keepdims: 1 });
    to.emit("Neg", [`${out}:min`], [`${out}:-min`]);
    to.emit("Max", [`${out}:max`, `${out}:-min`], [`${out}:most`]);
    to.emit("Mul", [`${out}:most`, to.float(1 / INT8_MAX)], [`${out}:scale`]);
    to.emit("Max", [`${out}:scale`, to.float(LEAST_SCALE)], [out]);
  },
  // One block a row: the form of this op that ONNX Runtime spreads over its threads.
  quantizeRows: (node, out, to) => {
    const [x, scale] = node.src;
    const zeros = to.int8Zeros(scale!.shape);
    to.emit("QuantizeLinear", [to.name(x!), to.name(scale!), zeros], [out], { axis: 1, block_size: x!.shape[1]! });
  },
  int8MatMul: (node, out, to) => {
    const [rows, scale, w, columns] = sources(node, to) as [string, string, string, string];
    const inputs = [rows, w, to.float(1), columns, to.int8Zero()];
    to.emit("MatMulIntegerToFloat", inputs, [`${out}:columns`], {}, MICROSOFT);
    to.emit("Mul", [`${out}:columns`, scale], [out]);
  },
} satisfies Rules;
