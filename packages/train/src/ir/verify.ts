import { InternalError } from "@gitune/core";
import { type Node, topologicalOrder } from "./node.js";
import { formatShape, sameShape } from "./shape.js";

/**
 * Checks a whole graph: every node's shape and dtype are what its own rule says, sources are older and of the
 * same graph, and (with `lowered`) no composite is left. Run after every pass in tests.
 * @throws InternalError naming the first bad node
 */
export function verifyGraph(outputs: readonly Node[], { lowered = false }: { readonly lowered?: boolean } = {}): void {
  for (const node of topologicalOrder(outputs)) {
    const where = `%${node.id} ${node.def.name}${node.scope ? ` in ${node.scope}` : ""}`;
    if (lowered && node.def.expand) throw new InternalError(`${where}: a composite is left after lowering`);
    for (const source of node.src) {
      if (source.graph !== node.graph) throw new InternalError(`${where}: source %${source.id} is of another graph`);
      if (source.id >= node.id) throw new InternalError(`${where}: source %${source.id} is younger`);
    }
    const { shape, dtype } = node.def.infer(node.src, node.attrs);
    if (!sameShape(shape, node.shape) || dtype !== node.dtype) {
      throw new InternalError(
        `${where}: is ${node.dtype}${formatShape(node.shape)}, its rule says ${dtype}${formatShape(shape)}`,
      );
    }
    if (node.shape.some((dim) => !Number.isSafeInteger(dim) || dim < 0))
      throw new InternalError(`${where}: bad shape ${formatShape(node.shape)}`);
  }
}
