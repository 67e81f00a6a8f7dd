"""Writes the golden safetensors files of this folder. Run: python make_safetensors.py  (see PROVENANCE.md)."""
import json, pathlib, struct
import numpy as np
from safetensors.numpy import save_file
from safetensors import serialize

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(42)

# 1. What PEFT writes: f32 only, metadata {"format": "pt"}; names chosen so that byte order matters.
adapter = {
    "base_model.model.model.layers.10.self_attn.q_proj.lora_A.weight": rng.standard_normal((2, 5)).astype(np.float32),
    "base_model.model.model.layers.2.self_attn.q_proj.lora_B.weight": rng.standard_normal((5, 2)).astype(np.float32),
    "base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight": rng.standard_normal((2, 5)).astype(np.float32),
    "ä.scalar": np.array(1.5, dtype=np.float32),
    "7": np.array([1.0, -0.0, np.inf, -np.inf], dtype=np.float32),
}
save_file(adapter, here / "adapter.safetensors", metadata={"format": "pt"})

# 2. Every f16 bit pattern class, and bf16, beside f32 (bf16 through the raw serializer, numpy has no such type).
halves = np.array([0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0xC000, 0x7BFF, 0x7C00, 0xFC00, 0x3555], dtype=np.uint16)
f32 = np.array([0.0, 1.0, -2.5, 1.00390625, 1.01171875, 3.4e38, 1e-40, -1e-8, 65504.0], dtype=np.float32)
bits = f32.view(np.uint32).astype(np.uint64)
bf16 = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
raw = {
    "half": {"dtype": "float16", "shape": [11], "data": halves.tobytes()},
    "brain": {"dtype": "bfloat16", "shape": [3, 3], "data": bf16.tobytes()},
    "full": {"dtype": "float32", "shape": [3, 3], "data": f32.tobytes()},
}
(here / "dtypes.safetensors").write_bytes(serialize(raw))
mixed = {name: raw[name] for name in ("brain", "full")}
(here / "mixed.safetensors").write_bytes(serialize(mixed, {"format": "pt"}))
expected = {
    "half": [repr(float(x)) for x in halves.view(np.float16).astype(np.float32)],
    "brain": [repr(float(x)) for x in (bf16.astype(np.uint32) << 16).view(np.float32)],
    "full": [repr(float(x)) for x in f32],
    "adapter": {name: [repr(float(x)) for x in value.reshape(-1)] for name, value in adapter.items()},
}
(here / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
