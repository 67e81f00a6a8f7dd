/** By index. */
import { type Rules, sources } from "./rule.js";

export const gather = {
  gatherRows: (node, out, to) => to.emit("Gather", sources(node, to), [out], { axis: 0 }),
  // ScatterElements walks its updates in order on one thread: the sum never depends on the thread count.
  scatterAddRows: (node, out, to) => {
    const [updates, index] = node.src;
    const column = updates!.shape.map((dim, axis) => (axis === 0 ? dim : 1));
    to.emit("Reshape", [to.name(index!), to.target(index!.shape, column)], [`${out}:column`]);
    to.emit("Expand", [`${out}:column`, to.broadcastTarget(column, updates!.shape)], [`${out}:index`]);
    to.zeros(node.shape, `${out}:zeros`);
    to.emit("ScatterElements", [`${out}:zeros`, `${out}:index`, to.name(updates!)], [out], {
      axis: 0,
      reduction: "add",
    });
  },
  pick: (node, out, to) => {
    const [x, index] = node.src;
    to.emit("Reshape", [to.name(index!), to.target(index!.shape, [index!.shape[0]!, 1])], [`${out}:index`]);
    to.emit("GatherElements", [to.name(x!), `${out}:index`], [out], { axis: 1 });
  },
} satisfies Rules;
