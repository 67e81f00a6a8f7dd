"""The peer's side of `train`, `memory`, `start` and `scaling`: transformers + PEFT + PyTorch, one optimizer step a command.

Settings come as one JSON argument (see `bench/lib/settings.mjs`); rows come with each step as ids and label masks.
"""

import json
import os
import sys
import time

settings = json.loads(sys.argv[1])

import torch  # noqa: E402  (time to first step includes it)
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from serve import memory, reset_peak, serve, since_start  # noqa: E402

IGNORED = -100
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

torch.set_num_threads(settings["threads"])
torch.set_flush_denormal(settings.get("flushDenormal", False))
if settings.get("matmulPrecision"):
    torch.set_float32_matmul_precision(settings["matmulPrecision"])
torch.manual_seed(0)

config_changes = {"num_hidden_layers": settings["layers"]} if settings.get("layers") else {}
base = AutoModelForCausalLM.from_pretrained(
    settings["base"],
    dtype=DTYPES[settings.get("weights", "float32")],
    attn_implementation=settings.get("attention", "sdpa"),
    **config_changes,
)
base.config.use_cache = False
model = get_peft_model(
    base,
    LoraConfig(
        r=settings["r"],
        lora_alpha=2 * settings["r"],
        lora_dropout=0.0,
        target_modules=settings["targets"],
        task_type="CAUSAL_LM",
    ),
    # False leaves the adapter in the base's dtype; True (PEFT's default) keeps it in float32.
    autocast_adapter_dtype=settings.get("adapterFloat32", True),
)
model.train()
trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(
    trainable,
    lr=settings["learningRate"],
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=settings["weightDecay"],
    fused=settings.get("fusedAdam", True),
)
decoder, head = model.base_model.model.model, model.base_model.model.lm_head
if settings.get("compile"):
    decoder.compile()
precision = torch.autocast("cpu", torch.bfloat16, enabled=settings.get("autocast", False))


def pad(rows: list) -> dict:
    length = max(len(row["ids"]) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for i, row in enumerate(rows):
        n = len(row["ids"])
        ids[i, :n] = torch.tensor(row["ids"])
        mask[i, :n] = 1
        labels[i, :n] = torch.where(torch.tensor(row["labels"], dtype=torch.bool), ids[i, :n], IGNORED)
    inputs = {"input_ids": ids, "labels": labels}
    # A Trainer's collator sends a mask always; without padding it says nothing, and leaving it out is faster.
    return inputs if bool(mask.all()) else {**inputs, "attention_mask": mask}


def pack(rows: list) -> dict:
    """transformers' DataCollatorWithFlattening: one row, positions that start again."""
    ids = torch.tensor([i for row in rows for i in row["ids"]])
    labels = torch.tensor([i if on else IGNORED for row in rows for i, on in zip(row["ids"], row["labels"])])
    positions = torch.tensor([i for row in rows for i in range(len(row["ids"]))])
    labels[positions == 0] = IGNORED
    return {"input_ids": ids[None], "labels": labels[None], "position_ids": positions[None]}


def loss_of(rows: list, label_count: int) -> torch.Tensor:
    inputs = (pack if settings.get("packed") else pad)(rows)
    if not settings.get("labelPositions"):
        return model(**inputs, num_items_in_batch=label_count).loss
    # What transformers does not offer for ragged labels: the head at label positions alone.
    labels = inputs.pop("labels")
    hidden = decoder(**inputs).last_hidden_state
    shifted = torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
    at = shifted != IGNORED
    logits = head(hidden[at]).float()
    return torch.nn.functional.cross_entropy(logits, shifted[at], reduction="sum") / label_count


def step(rows: list) -> dict:
    started = time.perf_counter()
    label_count = sum(sum(row["labels"][1:]) for row in rows)
    micro = settings.get("microBatch") or len(rows)
    if micro < len(rows):
        rows = sorted(rows, key=lambda row: -len(row["ids"]))
    total = 0.0
    for start in range(0, len(rows), micro):
        with precision:
            loss = loss_of(rows[start : start + micro], label_count)
        loss.backward()
        total += loss.item()
    norm = torch.nn.utils.clip_grad_norm_(trainable, settings["maxGradNorm"])
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {
        "seconds": time.perf_counter() - started,
        "loss": total,
        "gradNorm": norm.item(),
        "memory": memory(),
        "sinceStart": since_start(),
    }


def save(folder: str) -> dict:
    """The adapter as it is now, so that the other side can start from the same one."""
    model.save_pretrained(folder)
    return {}


def load(folder: str) -> dict:
    """Takes an adapter's numbers from a folder that another process saved."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(os.path.join(folder, "adapter_model.safetensors")))
    return {}


def reset() -> dict:
    reset_peak()
    return {}


serve({"step": step, "save": save, "load": load, "reset": reset})
