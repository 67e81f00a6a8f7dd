import { decoderKeys, defineFamily, everyLayer } from "./family.js";
import { only, optional, whole } from "./keys.js";

/** Mistral: a Llama that may look back over a window only, the same in every layer (`configuration_mistral.py`). */
export const mistral = defineFamily(
  "mistral",
  {
    ...decoderKeys({ kvHeads: 8, headDim: null, maxPositions: 131_072 }),
    attention_bias: only(false),
    mlp_bias: only(false),
    sliding_window: optional(whole(), 4096),
  },
  ({ num_hidden_layers: layers, sliding_window: window }) => ({
    qkvBias: false,
    outBias: false,
    mlpBias: false,
    qkNorm: false,
    windows: everyLayer(layers, window),
  }),
);
