"""The peer's side of `generate`: transformers' generate, greedy, in batches of prompts sorted by length, padded left."""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from serve import memory, serve

settings = json.loads(sys.argv[1])
torch.set_num_threads(settings["threads"])
torch.set_flush_denormal(True)
model = AutoModelForCausalLM.from_pretrained(
    settings["base"],
    dtype=getattr(torch, settings["dtype"]),
    attn_implementation=settings.get("attention", "sdpa"),
).eval()
# The model's own settings would fill in what a call leaves open: its end token among them.
model.generation_config = GenerationConfig()
PADDING_ID = 0


def generate(prompts: list, tokens: int) -> dict:
    """Every prompt gets `tokens` new ones: no end token ends it, so that all sides do the same work."""
    config = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=False,
        pad_token_id=PADDING_ID,
        eos_token_id=None,
        use_cache=True,
        **settings.get("generation", {}),
    )
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    ids = [None] * len(prompts)
    started = time.perf_counter()
    for start in range(0, len(order), settings["batch"]):
        rows = order[start : start + settings["batch"]]
        length = max(len(prompts[row]) for row in rows)
        padded = torch.tensor([[PADDING_ID] * (length - len(prompts[row])) + prompts[row] for row in rows])
        mask = torch.tensor([[0] * (length - len(prompts[row])) + [1] * len(prompts[row]) for row in rows])
        with torch.inference_mode():
            out = model.generate(input_ids=padded, attention_mask=mask, generation_config=config)
        for row, generated in zip(rows, out[:, length:].tolist()):
            ids[row] = generated
    return {"seconds": time.perf_counter() - started, "ids": ids, "memory": memory()}


serve({"generate": generate})
