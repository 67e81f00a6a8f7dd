"""LoRA training by transformers and PEFT: `python train.py <model folder> < job.json`, a JSON document a case.

The job has the rows (ids, and a mask of the labels), the rows of each micro-batch of each step, and the recipe. Each
case leaves in its folder the adapter before the first step (start/) and after the last (end/), as PEFT saves them.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup


def loss_sum(model, row: dict) -> torch.Tensor:
    """Over a row's labels; each is predicted by the position before it."""
    ids = torch.tensor([row["ids"]])
    labels = ids.masked_fill(torch.tensor([row["labelMask"]]) == 0, -100)[:, 1:]
    logits = model(input_ids=ids).logits[:, :-1]
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")


def train(base, job: dict, case: dict) -> dict:
    torch.manual_seed(job["seed"])
    technique, recipe, folder = case["technique"], job["recipe"], Path(case["folder"])
    config = LoraConfig(
        r=technique["r"],
        lora_alpha=technique["alpha"],
        lora_dropout=0.0,
        use_rslora=technique["rslora"],
        target_modules="all-linear" if technique["targets"] == "all-linear" else technique["targets"],
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, config).train()
    model.save_pretrained(folder / "start")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained,
        lr=recipe["learningRate"],
        betas=(recipe["adamBeta1"], recipe["adamBeta2"]),
        eps=recipe["adamEpsilon"],
        weight_decay=recipe["weightDecay"],
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, job["warmupSteps"], len(job["steps"]))
    losses, norms = [], []
    for step in job["steps"]:
        # As transformers' Trainer: the mean over the labels of all micro-batches of a step.
        labels = sum(sum(job["rows"][row]["labelMask"]) for micro in step for row in micro)
        loss = 0.0
        for micro in step:
            part = sum(loss_sum(model, job["rows"][row]) for row in micro) / labels
            part.backward()
            loss += part.item()
        norms.append(torch.nn.utils.clip_grad_norm_(trained, recipe["maxGradNorm"]).item())
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss)
    model.save_pretrained(folder / "end")
    model.unload()
    return {"losses": losses, "gradNorms": norms}


def main(folder: str) -> None:
    job = json.load(sys.stdin)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for case in job["cases"]:
        print(json.dumps(train(base, job, case)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
