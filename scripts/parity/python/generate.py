"""Greedy answers by transformers: `python generate.py <model folder> < job.json`, ids without the end token."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.inference_mode()
def main(folder: str) -> None:
    job = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    order = sorted(range(len(job["prompts"])), key=lambda row: len(job["prompts"][row]))
    answers = {}
    for start in range(0, len(order), job["batch"]):
        rows = order[start : start + job["batch"]]
        batch = tokenizer.pad({"input_ids": [job["prompts"][row] for row in rows]}, return_tensors="pt")
        out = model.generate(**batch, max_new_tokens=job["maxNewTokens"], do_sample=False)
        for row, ids in zip(rows, out[:, batch["input_ids"].shape[1] :].tolist()):
            answers[row] = ids[: ids.index(job["eos"])] if job["eos"] in ids else ids
    print(json.dumps([answers[row] for row in range(len(order))]))


if __name__ == "__main__":
    main(sys.argv[1])
