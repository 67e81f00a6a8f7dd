"""PEFT adapters with random A and B: `python adapters.py <model folder> < job.json`, a line for each that was written.

The job lists { folder, config (LoraConfig's arguments), seed }. Those whose base PEFT changes too (`init_lora_weights: pissa`
and the like) are not among them: only what PEFT itself loads on the bare base.
"""

import json
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def main(folder: str) -> None:
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for adapter in json.load(sys.stdin):
        torch.manual_seed(adapter["seed"])
        model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **adapter["config"]))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:  # starts at 0, where every adapter gives the same logits
                    parameter.normal_(0, 0.02)
        model.save_pretrained(adapter["folder"])
        model.unload()
        print(json.dumps(adapter["folder"]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
