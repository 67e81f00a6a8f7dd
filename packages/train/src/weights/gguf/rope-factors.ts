/**
 * Llama 3's scaling of positions. A `config.json` has its four numbers; llama.cpp keeps what they amount to, a divisor of each
 * frequency, as the tensor `rope_freqs.weight`. The numbers are found again, or the file is refused.
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py (`_compute_llama3_parameters`)
 */
import { closeSync, openSync, readSync } from "node:fs";
import { type RopeScaling, ropeFrequencies } from "../../nn/rope-frequencies.js";
import { GGML_TYPES } from "./ggml-types.js";
import { ggufError } from "./gguf-error.js";
import type { GgufFile } from "./gguf-file.js";

const TENSOR = "rope_freqs.weight";
/** Of all Llama 3 models; only the factor and the context differ between releases. */
const LOW_FREQ_FACTOR = 1;
const HIGH_FREQ_FACTOR = 4;
/** 8,192 in all of Llama 3; small models for tests have other powers of two. */
const CONTEXTS = Array.from({ length: 16 }, (_, power) => 32 << power);
/** The divisors were computed and stored in f32. */
const TOLERANCE = 1e-4;

/** The keys of `rope_parameters`, where `rope_type` is llama3. */
export interface Llama3Scaling {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/**
 * @param original the context before scaling, where the metadata has it
 * @returns null where the file has no such tensor, or one that scales nothing
 * @throws {GituneError} (exit code 2) `model.unsupported` for divisors that are not Llama 3's
 */
export function llama3Scaling(
  gguf: GgufFile,
  {
    theta,
    headDim,
    original,
  }: { readonly theta: number; readonly headDim: number; readonly original: number | undefined },
): Llama3Scaling | null {
  const divisors = readDivisors(gguf, headDim);
  if (!divisors || divisors.every((divisor) => divisor === 1)) return null;
  const factor = divisors.reduce((most, divisor) => Math.max(most, divisor), 0);
  for (const context of original === undefined ? CONTEXTS : [original]) {
    const scaling: Llama3Scaling = {
      factor,
      low_freq_factor: LOW_FREQ_FACTOR,
      high_freq_factor: HIGH_FREQ_FACTOR,
      original_max_position_embeddings: context,
    };
    const expected = llama3Divisors(scaling, theta, headDim);
    if (expected.every((divisor, i) => Math.abs(divisor - divisors[i]!) <= TOLERANCE * divisor)) return scaling;
  }
  throw ggufError(gguf.shown, "the model scales its positions in a way that is not supported", {
    code: "model.unsupported",
    at: TENSOR,
    expected: "the divisors of Llama 3's scaling",
  });
}

/** What each frequency, from the highest, is divided by. */
function llama3Divisors(scaling: Llama3Scaling, ropeTheta: number, headDim: number): number[] {
  const frequencies = (ropeScaling: RopeScaling | null) => ropeFrequencies(headDim, { ropeTheta, ropeScaling }).inverse;
  const scaled = frequencies({
    type: "llama3",
    factor: scaling.factor,
    lowFreqFactor: scaling.low_freq_factor,
    highFreqFactor: scaling.high_freq_factor,
    originalPositions: scaling.original_max_position_embeddings,
  });
  return Array.from(frequencies(null), (plain, i) => plain / scaled[i]!);
}

function readDivisors(gguf: GgufFile, headDim: number): Float32Array | null {
  const tensor = gguf.tensors.get(TENSOR);
  if (!tensor) return null;
  if (tensor.type !== "F32" || tensor.shape.length !== 1 || tensor.shape[0] !== headDim / 2) {
    throw ggufError(gguf.shown, `${TENSOR} does not fit the heads`, {
      code: "base.weights",
      at: TENSOR,
      expected: `F32 [${headDim / 2}]`,
      found: `${tensor.type} [${tensor.shape.join(", ")}]`,
    });
  }
  const bytes = new Uint8Array(tensor.length);
  const fd = openSync(gguf.path, "r");
  try {
    readSync(fd, bytes, 0, tensor.length, tensor.offset);
  } finally {
    closeSync(fd);
  }
  const divisors = new Float32Array(tensor.shape[0]);
  GGML_TYPES.F32.dequantize(bytes, divisors.length, divisors);
  return divisors;
}
