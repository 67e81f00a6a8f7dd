import { decoderKeys, defineFamily } from "./family.js";
import { flag } from "./keys.js";
import { readWindows, WINDOW_KEYS } from "./window-keys.js";

/** Qwen3 (dense): a Llama whose queries and keys are normed head by head (`configuration_qwen3.py`). */
export const qwen3 = defineFamily(
  "qwen3",
  {
    ...decoderKeys({ kvHeads: 32, headDim: 128, maxPositions: 32_768 }),
    ...WINDOW_KEYS,
    attention_bias: flag(false),
  },
  (values, file) => ({
    qkvBias: values.attention_bias,
    outBias: values.attention_bias,
    mlpBias: false,
    qkNorm: true,
    windows: readWindows(values, file),
  }),
);
