import type { Node } from "../ir/node.js";
import { type Shape, sizeOf } from "../ir/shape.js";
import type { TrainableTensor } from "../loop/program.js";
import { reshape, slice } from "../ops/movement.js";

/** Lays tensors one behind the other in a flat vector. */
export function layOut(specs: readonly { readonly name: string; readonly shape: Shape }[]): {
  tensors: TrainableTensor[];
  size: number;
} {
  let offset = 0;
  const tensors = specs.map(({ name, shape }) => {
    const tensor = { name, shape, offset, size: sizeOf(shape) };
    offset += tensor.size;
    return tensor;
  });
  return { tensors, size: offset };
}

/** One tensor out of the flat vector. */
export function sliceTensor(theta: Node, { offset, size, shape }: TrainableTensor): Node {
  return reshape(slice(theta, 0, offset, offset + size), shape);
}
