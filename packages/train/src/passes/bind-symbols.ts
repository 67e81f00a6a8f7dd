import { type Attrs, Graph, type Node, topologicalOrder } from "../ir/node.js";
import type { Sizes } from "../ir/symbol.js";

/** The shapes of what is fed, by name. */
export type FedShapes = Readonly<Record<string, { readonly shape: readonly number[] }>>;

/** The values of a graph's symbols, read off what is fed. */
export function readSizes(outputs: readonly Node[], feeds: FedShapes): Sizes {
  const symbols = outputs[0]?.graph.symbols;
  if (!symbols || symbols.names.length === 0) return {};
  const fed = topologicalOrder(outputs).flatMap(({ def, attrs, shape }) => {
    const name = String(attrs["name"]);
    const real = def.name === "input" ? feeds[name]?.shape : undefined;
    return real ? [{ name, declared: shape, real }] : [];
  });
  return symbols.bind(fed);
}

/**
 * The same graph with every symbol replaced by its value, for backends that cannot leave a size open.
 * A graph without symbols is returned as it is.
 */
export function bindSymbols(outputs: readonly Node[], sizes: Sizes): Node[] {
  const source = outputs[0]?.graph;
  if (!source || source.symbols.names.length === 0) return [...outputs];
  const bound = new Graph();
  const copies = new Map<Node, Node>();
  for (const node of topologicalOrder(outputs)) {
    const src = node.src.map((from) => copies.get(from)!);
    const attrs = boundAttrs(node, sizes);
    copies.set(
      node,
      bound.scope(node.scope, () => copyNode(bound, node, src, attrs)),
    );
  }
  return outputs.map((node) => copies.get(node)!);
}

function copyNode(graph: Graph, node: Node, src: readonly Node[], attrs: Attrs): Node {
  const { def, dtype } = node;
  const name = String(attrs["name"]);
  const shape = attrs["shape"] as readonly number[];
  const constant = node.graph.constantData(node);
  const weight = node.graph.weightSource(node);
  if (constant) return graph.constant(def, constant, shape, name);
  if (weight) return graph.weight(def, name, shape, dtype, weight);
  return def.name === "input" ? graph.input(def, name, shape, dtype) : graph.make(def, src, attrs);
}

/** A node's attributes with every symbol in them replaced by its value. */
export function boundAttrs({ def, attrs, graph }: Node, sizes: Sizes): Attrs {
  if (!def.sizes) return attrs;
  const bound = def.sizes.map((key): [string, number | number[]] => {
    const value = attrs[key] as number | readonly number[];
    return [
      key,
      typeof value === "number" ? graph.symbols.resolve(value, sizes) : graph.symbols.resolveShape(value, sizes),
    ];
  });
  return { ...attrs, ...Object.fromEntries(bound) };
}
