/** The same values in another place or shape. */
import { type Rules, sources } from "./rule.js";

/** A slice's end past every axis. */
const LAST = Number.MAX_SAFE_INTEGER;

export const movement = {
  reshape: (node, out, to) =>
    to.emit("Reshape", [to.name(node.src[0]!), to.target(node.src[0]!.shape, node.shape)], [out]),
  transpose: (node, out, to) =>
    to.emit("Transpose", [to.name(node.src[0]!)], [out], { perm: node.attrs["perm"] as readonly number[] }),
  slice: (node, out, to) => {
    const { axis, start, end } = node.attrs as { axis: number; start: number; end: number };
    const dim = node.src[0]!.shape[axis]!;
    const bound = (at: number): string => {
      if (at === dim) return to.ints([LAST]);
      // Counted from the end, a bound is mostly a plain number also where the axis' size is open.
      return to.isOpen(at) && !to.isOpen(at - dim) ? to.ints([at - dim]) : to.sizes([at]);
    };
    to.emit("Slice", [to.name(node.src[0]!), bound(start), bound(end), to.ints([axis])], [out]);
  },
  concat: (node, out, to) => to.emit("Concat", sources(node, to), [out], { axis: node.attrs["axis"] as number }),
  expand: (node, out, to) =>
    to.emit("Expand", [to.name(node.src[0]!), to.broadcastTarget(node.src[0]!.shape, node.shape)], [out]),
} satisfies Rules;
