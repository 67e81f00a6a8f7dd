/** Rotary positions in `config.json`: `rope_parameters` since transformers 5, `rope_theta` and `rope_scaling` before. */
import { GituneError } from "@gitune/core";
import { type RopeConfig, type RopeScaling, yarnMagnitude } from "../../nn/rope-frequencies.js";
import {
  badValue,
  flag,
  type JsonObject,
  neutral,
  only,
  optional,
  type Place,
  positive,
  type Reader,
  readKeys,
  unsupportedIssue,
  whole,
  within,
} from "./keys.js";

const object: Reader<JsonObject> = (value, at) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badValue(at, "an object", value);
  return value as JsonObject;
};

/** The keys of a family's table that say how positions turn. */
export const ROPE_KEYS = {
  rope_parameters: optional(object),
  rope_scaling: optional(object),
  rope_theta: optional(positive()),
  rope_interleaved: only(false),
  partial_rotary_factor: only(1),
};

/** What every type may hold; the first three are read apart. */
const COMMON = { rope_type: neutral, type: neutral, rope_theta: optional(positive()), partial_rotary_factor: only(1) };

type ReadScaling = (parameters: JsonObject, at: Place, maxPositions: number) => RopeScaling | null;

/** Each rope type: the keys it has, and what they come to. */
const SCALINGS: { readonly [type: string]: ReadScaling } = {
  default: (parameters, at) => {
    readKeys(COMMON, parameters, at, "the default rope");
    return null;
  },
  // It stretches what lies past max_position_embeddings, where we read nothing: up to there it is the default.
  dynamic: (parameters, at) => {
    readKeys({ ...COMMON, factor: positive() }, parameters, at, "a dynamic rope");
    return null;
  },
  linear: (parameters, at) => {
    const { factor } = readKeys({ ...COMMON, factor: positive() }, parameters, at, "a linear rope");
    return { type: "linear", factor };
  },
  llama3: (parameters, at, maxPositions) => {
    const keys = {
      ...COMMON,
      factor: positive(),
      low_freq_factor: positive(),
      high_freq_factor: positive(),
      original_max_position_embeddings: whole({ absent: maxPositions }),
    };
    const read = readKeys(keys, parameters, at, "a llama3 rope");
    if (read.high_freq_factor <= read.low_freq_factor) {
      throw badValue(within(at, "high_freq_factor"), "above low_freq_factor", read.high_freq_factor);
    }
    return {
      type: "llama3",
      factor: read.factor,
      lowFreqFactor: read.low_freq_factor,
      highFreqFactor: read.high_freq_factor,
      originalPositions: read.original_max_position_embeddings,
    };
  },
  yarn: (parameters, at, maxPositions) => {
    const keys = {
      ...COMMON,
      factor: positive(),
      original_max_position_embeddings: whole({ absent: maxPositions }),
      attention_factor: optional(positive()),
      mscale: optional(positive()),
      mscale_all_dim: optional(positive()),
      beta_fast: optional(positive()),
      beta_slow: optional(positive()),
      truncate: flag(true),
    };
    const read = readKeys(keys, parameters, at, "a yarn rope");
    const { factor, mscale, mscale_all_dim: mscaleAllDim } = read;
    const magnitude =
      mscale !== null && mscaleAllDim !== null
        ? yarnMagnitude(factor, mscale) / yarnMagnitude(factor, mscaleAllDim)
        : yarnMagnitude(factor);
    return {
      type: "yarn",
      factor,
      originalPositions: read.original_max_position_embeddings,
      // The paper's values for Llama (§3.2).
      betaFast: read.beta_fast ?? 32,
      betaSlow: read.beta_slow ?? 1,
      truncate: read.truncate,
      attentionFactor: read.attention_factor ?? magnitude,
    };
  },
};

/** The theta of every family here where a config names none. */
const DEFAULT_THETA = 10_000;

interface RopeValues {
  readonly rope_parameters: JsonObject | null;
  readonly rope_scaling: JsonObject | null;
  readonly rope_theta: number | null;
}

/**
 * @param values what `ROPE_KEYS` read
 * @param file the config's name for messages
 * @throws GituneError `model.unsupported` for a rope type or a key of it that we lack, `model.config` for a bad value
 */
export function readRope(values: RopeValues, file: string, maxPositions: number): RopeConfig {
  const { rope_parameters: since5, rope_scaling: before5 } = values;
  const at: Place = { file, pointer: since5 ? "/rope_parameters" : "/rope_scaling" };
  if (since5 && before5) throw badValue(at, "null, since rope_scaling is there", since5);
  const parameters = since5 ?? before5 ?? {};
  const type = parameters["rope_type"] ?? parameters["type"] ?? "default";
  const read = typeof type === "string" && Object.hasOwn(SCALINGS, type) ? SCALINGS[type] : undefined;
  if (!read) {
    const key = parameters["rope_type"] === undefined ? "type" : "rope_type";
    throw new GituneError(unsupportedIssue(within(at, key), type, `one of ${Object.keys(SCALINGS).join(", ")}`));
  }
  const ropeScaling = read(parameters, at, maxPositions);
  return { ropeTheta: (parameters["rope_theta"] as number) ?? values.rope_theta ?? DEFAULT_THETA, ropeScaling };
}
