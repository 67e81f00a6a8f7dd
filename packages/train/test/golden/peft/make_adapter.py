"""Writes adapter/: a LoRA adapter as PEFT saves it, with random A and B, on the golden 2-layer Llama. See PROVENANCE.md."""
import json, os, pathlib
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

here = pathlib.Path(__file__).parent
torch.manual_seed(42)
os.chdir(here.parent)
model = AutoModelForCausalLM.from_pretrained("llama/tied", dtype=torch.float32)
peft = get_peft_model(model, LoraConfig(r=2, lora_alpha=16, lora_dropout=0.1, use_rslora=True,
                                        target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
for name, parameter in peft.named_parameters():
    if "lora_" in name:
        torch.nn.init.normal_(parameter)
peft.save_pretrained("peft/adapter")
(here / "adapter" / "README.md").unlink()
first = {k: v.reshape(-1)[:3].tolist() for k, v in peft.state_dict().items() if "lora_" in k}
(here / "expected.json").write_text(json.dumps(first, indent=1) + "\n")
