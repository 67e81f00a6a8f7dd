import { decoderKeys, defineFamily } from "./family.js";
import { only } from "./keys.js";
import { readWindows, WINDOW_KEYS } from "./window-keys.js";

/** Qwen2 and Qwen2.5: a Llama with biases on q, k and v (`configuration_qwen2.py`). */
export const qwen2 = defineFamily(
  "qwen2",
  {
    ...decoderKeys({ kvHeads: 32, headDim: null, maxPositions: 32_768 }),
    ...WINDOW_KEYS,
    use_mrope: only(false),
  },
  (values, file) => ({
    qkvBias: true,
    outBias: false,
    mlpBias: false,
    qkNorm: false,
    windows: readWindows(values, file),
  }),
);
