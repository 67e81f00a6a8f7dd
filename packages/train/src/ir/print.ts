import { type Node, topologicalOrder } from "./node.js";

/** The graph as text, a line a node: small, stable, and the first thing to read when a graph is wrong. */
export function printGraph(outputs: readonly Node[]): string {
  const order = topologicalOrder(outputs);
  const number = new Map(order.map((node, i) => [node, i]));
  const lines = order.map((node, i) => {
    const { shape: _, dtype: __, ...rest } = node.attrs;
    const attrs =
      node.src.length === 0
        ? { name: shorten(String(node.attrs["name"])) }
        : node.def.name === "reshape" || node.def.name === "expand"
          ? {}
          : rest;
    const text = Object.entries(attrs).map(
      ([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(",")}]` : value}`,
    );
    const sources = node.src.map((source) => `%${number.get(source)}`);
    return `%${i} = ${node.def.name}(${[...sources, ...text].join(", ")}) : ${node.dtype}[${node.shape.join(", ")}]`;
  });
  return [...lines, `return ${outputs.map((node) => `%${number.get(node)}`).join(", ")}`].join("\n");
}

const shorten = (text: string): string => (text.length > 48 ? `${text.slice(0, 45)}...` : text);
