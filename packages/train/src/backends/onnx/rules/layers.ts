/** Ops that ONNX Runtime has one kernel for: softmax, norm, rotary positions. */
import { MICROSOFT, type Rules, sources } from "./rule.js";

export const layers = {
  softmax: (node, out, to) => to.emit("Softmax", [to.name(node.src[0]!)], [out], { axis: -1 }),
  rmsNorm: (node, out, to) => {
    const attributes = { axis: -1, epsilon: { float: node.attrs["eps"] as number }, stash_type: 1 };
    // The second output, 1 / rms, is what the gradient needs. ONNX Runtime registers this op in the default domain.
    to.emit("SimplifiedLayerNormalization", sources(node, to), [out, `${out}:inverse`], attributes);
  },
  rmsInverse: (node, out, to) => {
    const norm = to.normOf(node);
    if (norm && norm.id < node.id) return to.emit("Identity", [`${to.name(norm)}:inverse`], [out]);
    // Nobody wants the norm itself: 1 / rms from its parts.
    const x = to.name(node.src[0]!);
    to.emit("Mul", [x, x], [`${out}:square`]);
    to.emit("ReduceMean", [`${out}:square`, to.ints([-1])], [`${out}:mean`], { keepdims: 1 });
    to.emit("Add", [`${out}:mean`, to.float(node.attrs["eps"] as number)], [`${out}:shifted`]);
    to.emit("Sqrt", [`${out}:shifted`], [`${out}:rms`]);
    to.emit("Reciprocal", [`${out}:rms`], [out]);
  },
  rope: (node, out, to) => to.emit("RotaryEmbedding", sources(node, to), [out], { interleaved: 0 }, MICROSOFT),
} satisfies Rules;
