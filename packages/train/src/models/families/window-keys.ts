/** Sliding windows as Qwen's configs say them: on or off, from a layer on, or layer by layer. */
import { badValue, flag, optional, type Reader, type Values, whole, within } from "./keys.js";

const LAYER_TYPES = ["full_attention", "sliding_attention"] as const;
type LayerType = (typeof LAYER_TYPES)[number];

const layerTypes: Reader<readonly LayerType[]> = (value, at) => {
  const isType = (item: unknown) => (LAYER_TYPES as readonly unknown[]).includes(item);
  if (!Array.isArray(value) || !value.every(isType)) throw badValue(at, `a list of ${LAYER_TYPES.join(", ")}`, value);
  return value as LayerType[];
};

export const WINDOW_KEYS = {
  use_sliding_window: flag(false),
  /** Tokens; nothing where `use_sliding_window` is off. */
  sliding_window: optional(whole(), 4096),
  /** Layers below this one see everything. */
  max_window_layers: whole({ absent: 28, min: 0 }),
  layer_types: optional(layerTypes),
};

/** Each layer's window in tokens, the query's own included; null where it sees everything. */
export function readWindows(
  values: Values<typeof WINDOW_KEYS> & { readonly num_hidden_layers: number },
  file: string,
): (number | null)[] {
  const { num_hidden_layers: layers, max_window_layers: from, layer_types: types } = values;
  const window = values.use_sliding_window ? values.sliding_window : null;
  const at = within({ file, pointer: "" }, "layer_types");
  if (types && types.length !== layers) throw badValue(at, `one for each of ${layers} layers`, types);
  if (types?.includes("sliding_attention") && window === null) {
    throw badValue(at, "full_attention only, since use_sliding_window or sliding_window is off", types);
  }
  const isSliding = (layer: number) => (types ? types[layer] === "sliding_attention" : layer >= from);
  return Array.from({ length: layers }, (_, layer) => (isSliding(layer) ? window : null));
}
