/** One value from one of each source, and casts. */
import type { DType } from "../../../ir/dtype.js";
import { plain, type Rules } from "./rule.js";

const ONNX_DTYPE: { readonly [K in DType]: number } = { f32: 1, u8: 2, i8: 3, i64: 7, f16: 10, bf16: 16 };

export const elementwise = {
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  minimum: plain("Min"),
  maximum: plain("Max"),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  sigmoid: plain("Sigmoid"),
  cast: (node, out, to) =>
    to.emit("Cast", [to.name(node.src[0]!)], [out], { to: ONNX_DTYPE[node.attrs["to"] as DType] }),
} satisfies Rules;
