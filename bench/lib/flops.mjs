/**
 * Floating-point operations that a LoRA step needs, by the maths alone: products, two operations a multiply-add.
 * Left out on both sides of every comparison: norms, softmax, rotary, the optimizer (all linear in the tokens, and small).
 * - Frozen linear layers: x·Wᵀ forward and dY·W backward; no gradient of W. Below the first trainable tensor nothing is
 *   differentiated: the first layer's q, k and v need no gradient of their input.
 * - Attention: pairs (query, key) with key <= query of the same row; two products forward, four backward.
 * - Head: at label positions only, forward and backward.
 * - LoRA: (x·Aᵀ)·Bᵀ forward; dB, d(xAᵀ), dA and dX backward.
 */

/**
 * @typedef {{ hiddenSize: number, intermediateSize: number, layers: number, heads: number, kvHeads: number,
 *   headDim: number, vocabSize: number }} ModelSizes
 */

/** [in, out] of a layer's linear layers. @param {ModelSizes} model */
export function linearsOf({ hiddenSize, intermediateSize, heads, kvHeads, headDim }) {
  return {
    q_proj: [hiddenSize, heads * headDim],
    k_proj: [hiddenSize, kvHeads * headDim],
    v_proj: [hiddenSize, kvHeads * headDim],
    o_proj: [heads * headDim, hiddenSize],
    gate_proj: [hiddenSize, intermediateSize],
    up_proj: [hiddenSize, intermediateSize],
    down_proj: [intermediateSize, hiddenSize],
  };
}

const FIRST = new Set(["q_proj", "k_proj", "v_proj"]);

/**
 * @param {ModelSizes} model
 * @param {{ r: number, targets: readonly string[] }} lora
 * @param {readonly { ids: readonly number[], labels: readonly number[] }[]} rows of one step
 * @returns {{ total: number, linear: number, attention: number, head: number, lora: number }}
 */
export function trainingFlops(model, { r, targets }, rows) {
  const linears = linearsOf(model);
  const tokens = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  const labels = rows.reduce((sum, row) => sum + row.labels.slice(1).filter(Boolean).length, 0);
  const pairs = rows.reduce((sum, { ids }) => sum + (ids.length * (ids.length + 1)) / 2, 0);
  let linear = 0;
  let lora = 0;
  for (const [name, [dIn, dOut]] of Object.entries(linears)) {
    const backward = model.layers - (FIRST.has(name) ? 1 : 0);
    linear += 2 * tokens * dIn * dOut * (model.layers + backward);
    if (!targets.includes(name)) continue;
    lora += 2 * tokens * r * (dIn + dOut) * model.layers; // forward
    lora += 2 * tokens * r * (dOut + dOut + dIn) * model.layers; // dB, d(xAᵀ), dA
    lora += 2 * tokens * r * dIn * backward; // dX
  }
  const isFirstKeyTrained = targets.includes("k_proj");
  const products = 6 * model.layers - (isFirstKeyTrained ? 0 : 1);
  const attention = 2 * pairs * model.heads * model.headDim * products;
  const head = 2 * labels * model.hiddenSize * model.vocabSize * 2;
  return { total: linear + attention + head + lora, linear, attention, head, lora };
}
