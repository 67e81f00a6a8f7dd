/** Along an axis. */
import type { Rules } from "./rule.js";

export const reduce = {
  sum: (node, out, to) =>
    to.emit("ReduceSum", [to.name(node.src[0]!), to.ints(node.attrs["axes"] as readonly number[])], [out], {
      keepdims: 1,
    }),
  argMax: (node, out, to) => to.emit("ArgMax", [to.name(node.src[0]!)], [out], { axis: -1, keepdims: 0 }),
} satisfies Rules;
