"""Golden numbers of a 2-layer Llama from PyTorch, transformers and PEFT, for packages/train's tests.

    python3 -m venv .venv-golden && .venv-golden/bin/pip install -r scripts/golden/requirements.txt
    .venv-golden/bin/python scripts/golden/llama.py packages/train/test/golden/llama

Writes, for a tied and an untied head: the model folder as `save_pretrained` does; for each training case
logits and loss at the start, gradients of every trainable tensor at the start, and, over three AdamW steps with
clipping, weight decay and a falling learning rate, the losses, gradient norms and final tensors.
"""

import json
import platform
import sys
from pathlib import Path

import numpy
import peft
import safetensors
import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

SEED = 20
VOCAB, HIDDEN, IGNORED = 96, 32, -100
PADDING_ID = 0
LENGTHS = [7, 5, 6]
PROMPTS = [2, 1, 3]
OPTIMIZER = {
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "weightDecay": 0.1,
    "maxGradNorm": 0.5,
}
LEARNING_RATES = [1e-2, 6e-3, 2e-3]
ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# What all golden models have; each adds its sizes.
SMALL = dict(
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    rms_norm_eps=1e-5,
    attn_implementation="eager",
    pad_token_id=PADDING_ID,
    bos_token_id=1,
    eos_token_id=2,
)


def fill(model, std: float):
    """Larger than the usual 0.02, so that attention and gates are far from linear; norms away from 1, biases from 0."""
    for name, tensor in model.named_parameters():
        with torch.no_grad():
            if name.endswith("norm.weight"):
                tensor.uniform_(0.5, 1.5)
            else:
                tensor.normal_(0, std)
    return model.train()


def make_model(tied: bool) -> LlamaForCausalLM:
    torch.manual_seed(SEED + tied)
    model = LlamaForCausalLM(
        LlamaConfig(
            **SMALL,
            vocab_size=VOCAB,
            hidden_size=HIDDEN,
            intermediate_size=48,
            max_position_embeddings=64,
            tie_word_embeddings=tied,
        )
    ).float()
    return fill(model, 0.15)


def make_batch(vocab: int, lengths: list, prompts: list) -> dict:
    """Right-padded rows; the prompt and the padding carry no label."""
    generator = torch.Generator().manual_seed(SEED)
    longest = max(lengths)
    ids = torch.randint(3, vocab, (len(lengths), longest), generator=generator)
    ids[0, 3] = ids[0, 4]  # a repeated token: its embedding row gets two gradients
    labels = ids.clone()
    for row, (length, prompt) in enumerate(zip(lengths, prompts)):
        ids[row, length:] = PADDING_ID
        labels[row, length:] = IGNORED
        labels[row, :prompt] = IGNORED
    mask = (torch.arange(longest)[None] < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def write_batch(batch: dict, out: Path) -> None:
    """The batch as the engine takes it."""
    rows, length = batch["labels"].shape
    places = [(b, t) for b in range(rows) for t in range(1, length) if batch["labels"][b, t] != IGNORED]
    document = {
        "batch": rows,
        "length": length,
        "ids": batch["input_ids"].flatten().tolist(),
        # The hidden state before a token predicts it.
        "positions": [b * length + t - 1 for b, t in places],
        "labels": [batch["labels"][b, t].item() for b, t in places],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "batch.json").write_text(json.dumps(document) + "\n")


def plain_name(name: str) -> str:
    return name.removeprefix("base_model.model.").replace(".default.", ".")


def run_case(
    model, batch: dict, decayed, folder: Path, case: str, description: dict, write_after=True, writes=lambda name: True
) -> None:
    """Trains in place for three steps and writes what happened. `writes` chooses among logits and gradients."""
    named = [(plain_name(name), tensor) for name, tensor in model.named_parameters() if tensor.requires_grad]
    groups = [
        {"params": [t for n, t in named if decayed(n, t)], "weight_decay": OPTIMIZER["weightDecay"]},
        {"params": [t for n, t in named if not decayed(n, t)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]),
        eps=OPTIMIZER["epsilon"],
    )
    tensors, losses, norms = {}, [], []
    is_lora = any("lora_" in name for name, _ in named)
    if is_lora:
        tensors |= {f"start/{name}": tensor.detach().clone() for name, tensor in named}
    for step, learning_rate in enumerate(LEARNING_RATES):
        optimizer.zero_grad()
        output = model(**batch)
        output.loss.backward()
        if step == 0:
            started = {"logits": output.logits} | {f"grad/{name}": tensor.grad for name, tensor in named}
            tensors |= {name: tensor.detach().clone() for name, tensor in started.items() if writes(name)}
        losses.append(output.loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_([t for _, t in named], OPTIMIZER["maxGradNorm"]).item())
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
    losses.append(model(**batch).loss.item())
    if write_after:
        tensors |= {f"after/{name}": tensor.detach().clone() for name, tensor in named}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / f"{case}.safetensors")
    document = {
        **description,
        "tensors": [name for name, _ in named],
        "optimizer": OPTIMIZER,
        "learningRates": LEARNING_RATES,
        "losses": losses,
        "gradNorms": norms,
    }
    (folder / f"{case}.json").write_text(json.dumps(document, indent=1) + "\n")


def lora_case(model, batch: dict, folder: Path, case: str, targets: list, r=4, alpha=8, **options) -> None:
    config = LoraConfig(r=r, lora_alpha=alpha, lora_dropout=0.0, target_modules=targets, bias="none")
    model = get_peft_model(model, config)
    torch.manual_seed(SEED)
    for name, tensor in model.named_parameters():
        if "lora_B" in name:  # 0 would hide every gradient of A
            with torch.no_grad():
                tensor.normal_(0, 0.1)
    description = {"type": "lora", "r": r, "alpha": alpha, "targets": targets}
    run_case(model, batch, lambda *_: True, folder, case, description, **options)


def full_case(model, batch: dict, folder: Path, **options) -> None:
    # What full fine-tuning does not decay: vectors, as transformers' Trainer has it.
    run_case(model, batch, lambda _, t: t.dim() > 1, folder, "full", {"type": "full"}, **options)


def write_versions(out: Path) -> None:
    versions = {
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in (torch, transformers, peft, safetensors, numpy)},
        "seed": SEED,
    }
    (out / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


def main(out: Path) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    batch = make_batch(VOCAB, LENGTHS, PROMPTS)
    write_batch(batch, out)
    for tied, name in [(True, "tied"), (False, "untied")]:
        folder = out / name
        make_model(tied).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        if tied:
            lora_case(make_model(tied), batch, folder, "lora-qv", ["q_proj", "v_proj"])
        lora_case(make_model(tied), batch, folder, "lora-all", ALL_LINEAR)
        full_case(make_model(tied), batch, folder, write_after=tied)
    write_versions(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
