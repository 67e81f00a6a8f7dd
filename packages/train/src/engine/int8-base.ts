import { headModule, llamaLinears } from "../models/llama/tensors.js";
import { int8Copy } from "../weights/int8-copy.js";
import { type BaseSpec, readFrozen } from "./base-spec.js";

/** Asks for linear layers and the head's logits on 8-bit integers: under which hash their copy is kept, and where. */
export interface Int8Request {
  /** Of the weights, hex. */
  readonly baseSha256: string;
  readonly cacheDir: string;
}

/** The same with the base's linear layers and head in 8 bits where that is asked for. The copy is made once; it takes seconds. */
export async function withInt8<Spec extends { readonly base: BaseSpec; readonly int8?: Int8Request }>(
  spec: Spec,
): Promise<Spec> {
  const { base } = spec;
  if (!spec.int8) return spec;
  const int8 = await int8Copy({
    linears: llamaLinears(base.config),
    head: { module: headModule(base.config), dIn: base.config.hiddenSize, dOut: base.config.vocabSize },
    read: (name) => readFrozen(base, name),
    sha256: spec.int8.baseSha256,
    cacheDir: spec.int8.cacheDir,
  });
  return { ...spec, base: { ...base, int8 } };
}
