import { decoderKeys, defineFamily, everyLayer } from "./family.js";
import { flag, only } from "./keys.js";

/** Llama 1-3, and all that took its architecture: SmolLM, TinyLlama, Yi, … (transformers' `configuration_llama.py`). */
export const llama = defineFamily(
  "llama",
  {
    ...decoderKeys({ kvHeads: null, headDim: null, maxPositions: 2048 }),
    attention_bias: flag(false),
    mlp_bias: flag(false),
    sliding_window: only(null),
    use_sliding_window: only(false),
  },
  ({ num_hidden_layers: layers, attention_bias: bias, mlp_bias: mlpBias }) => ({
    qkvBias: bias,
    outBias: bias,
    mlpBias,
    qkNorm: false,
    windows: everyLayer(layers, null),
  }),
);
