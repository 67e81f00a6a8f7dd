"""Golden numbers of 2-layer models of every family, from PyTorch, transformers and PEFT, for packages/train's tests.

    .venv-golden/bin/python scripts/golden/families.py packages/train/test/golden/families

Writes, for each model: its folder as `save_pretrained` does, in bfloat16 (the numbers are of float32 maths on those very
weights); of the bare model the logits of two ragged rows, and eight greedy tokens after each with the logits that chose
them; and the training cases of `llama.py`. And `rope.json`: rotary frequencies of larger heads than the models have.
"""

import copy
import json
import sys
from pathlib import Path

import torch
from llama import (
    ALL_LINEAR,
    SEED,
    SMALL,
    fill,
    full_case,
    lora_case,
    make_batch,
    write_batch,
    write_versions,
)
from safetensors.torch import save_file
from transformers import LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config, AutoModelForCausalLM

VOCAB, LENGTHS, PROMPTS, NEW_TOKENS = 64, [14, 9], [3, 2], 8
# Below it, sums in another order could choose another token.
MIN_MARGIN = 1e-3

SIZES = SMALL | dict(
    vocab_size=VOCAB,
    hidden_size=32,
    intermediate_size=40,
    max_position_embeddings=128,
    tie_word_embeddings=False,
)
# A small theta and pretrained context, so that the rows hold fast pairs, slow pairs and those between.
STRETCHED = {"rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 32}
CONFIGS = {
    "llama-tied-mha": LlamaConfig(**SIZES | {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "llama-untied-gqa": LlamaConfig(**SIZES),
    "llama-biases": LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True),
    "llama-rope-linear": LlamaConfig(
        **SIZES, rope_parameters={"rope_type": "linear", "rope_theta": 100.0, "factor": 3.0}
    ),
    "llama-rope-llama3": LlamaConfig(
        **SIZES,
        rope_parameters={"rope_type": "llama3", **STRETCHED, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
    ),
    "llama-rope-yarn": LlamaConfig(**SIZES, rope_parameters={"rope_type": "yarn", **STRETCHED}),
    "mistral-window": MistralConfig(**SIZES, sliding_window=4),
    # Layer 0 sees everything, layer 1 five tokens.
    "qwen2-window": Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=5, max_window_layers=1),
    "qwen3": Qwen3Config(**SIZES | {"tie_word_embeddings": True}, head_dim=12),
}
# Where full training meets tensors that the plain Llama lacks.
FULL = ["llama-biases", "qwen2-window", "qwen3"]

LLAMA3 = {"factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
YARN = {"factor": 4.0, "original_max_position_embeddings": 32768}
# (head_dim, max_position_embeddings, rope parameters)
ROPES = [
    (64, 8192, {"rope_type": "default", "rope_theta": 100000.0}),
    (64, 4096, {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}),
    (128, 16384, {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
    (64, 131072, {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}),
    (128, 131072, {"rope_type": "yarn", "rope_theta": 1000000.0, **YARN}),
    (128, 131072, {"rope_type": "yarn", "rope_theta": 1000000.0, **YARN, "attention_factor": 1.5}),
    (64, 131072, {"rope_type": "yarn", "rope_theta": 10000.0, **YARN, "mscale": 1.0, "mscale_all_dim": 0.8}),
    (96, 131072, {"rope_type": "yarn", "rope_theta": 10000.0, **YARN, "beta_fast": 16, "beta_slow": 2, "truncate": False}),
]


def make_model(config, seed: int):
    torch.manual_seed(seed)
    model = fill(AutoModelForCausalLM.from_config(config).float(), 0.2)
    for tensor in model.parameters():
        with torch.no_grad():
            tensor.copy_(tensor.bfloat16())
    return model


def generate(model, batch: dict) -> tuple:
    """Greedy tokens and the logits before each, over transformers' cache; checked against passes without one."""
    tokens, logits = [], []
    for ids, length in zip(batch["input_ids"], LENGTHS):
        prompt = ids[None, :length]
        out = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            eos_token_id=None,
            output_logits=True,
            return_dict_in_generate=True,
        )
        new = out.sequences[0, length:]
        cached = torch.cat(out.logits)
        again = model(out.sequences[:, :-1]).logits[0, length - 1 :]
        torch.testing.assert_close(cached, again, rtol=1e-4, atol=1e-4)
        best = cached.topk(2).values
        margin = (best[:, 0] - best[:, 1]).min().item()
        assert margin > MIN_MARGIN, f"{model.config.model_type}: a token was chosen by {margin}"
        tokens.append(new.tolist())
        logits.append(cached)
    return tokens, torch.stack(logits)


def write_model(model, batch: dict, folder: Path) -> None:
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    with torch.no_grad():
        tokens, chosen_by = generate(model, batch)
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    save_file({"logits": logits.contiguous(), "generated": chosen_by.contiguous()}, folder / "bare.safetensors")
    (folder / "bare.json").write_text(json.dumps({"lengths": LENGTHS, "generated": tokens}) + "\n")


def write_ropes(out: Path) -> None:
    cases = []
    for head_dim, positions, parameters in ROPES:
        config = LlamaConfig(
            **SIZES | {"max_position_embeddings": positions}, head_dim=head_dim, rope_parameters=dict(parameters)
        )
        model = AutoModelForCausalLM.from_config(config)
        rotary = model.model.rotary_emb
        cases.append(
            {
                "headDim": head_dim,
                "maxPositions": positions,
                "parameters": parameters,
                "inverse": rotary.inv_freq.tolist(),
                "attentionFactor": rotary.attention_scaling,
            }
        )
    (out / "rope.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


def main(out: Path) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    batch = make_batch(VOCAB, LENGTHS, PROMPTS)
    write_batch(batch, out)
    for seed, (name, config) in enumerate(CONFIGS.items(), SEED):
        folder = out / name
        write_model(make_model(config, seed).eval(), batch, folder)
        for case, targets in [("lora-qv", ["q_proj", "v_proj"]), ("lora-all", ALL_LINEAR)]:
            model = make_model(config, seed)
            lora_case(model, batch, folder, case, targets, r=2, alpha=4, writes=lambda tensor: tensor != "logits")
        if name in FULL:
            # Of the gradients those of vectors: biases and norms. The norms of all are in the document.
            model = make_model(config, seed)
            vectors = {f"grad/{name}" for name, tensor in model.named_parameters() if tensor.dim() == 1}
            full_case(model, batch, folder, write_after=False, writes=vectors.__contains__)
    write_ropes(out)
    write_versions(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
