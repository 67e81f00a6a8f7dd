import { type Node, topologicalOrder } from "../ir/node.js";

/** Replaces every composite op by its primitives. Returns the outputs in the given order. */
export function expandComposites(outputs: readonly Node[]): Node[] {
  const replaced = new Map<Node, Node>();
  for (const node of topologicalOrder(outputs)) {
    const src = node.src.map((source) => replaced.get(source) ?? source);
    const changed = src.some((source, i) => source !== node.src[i]);
    const { expand } = node.def;
    if (expand) {
      const value = node.graph.scope(node.scope, () => expand(src, node.attrs));
      // A composite may be built from others.
      replaced.set(node, value.def.expand ? expandComposites([value])[0]! : value);
    } else if (changed) {
      replaced.set(
        node,
        node.graph.scope(node.scope, () => node.graph.make(node.def, src, node.attrs)),
      );
    }
  }
  return outputs.map((node) => replaced.get(node) ?? node);
}
