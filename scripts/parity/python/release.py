"""A published adapter: `python release.py <Hub repository> <tag> <base's folder>`; the Hub is HF_ENDPOINT's."""

import hashlib
import json
import sys
from pathlib import Path

import torch
from huggingface_hub import HfApi, ModelCard, snapshot_download
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def main(repository: str, tag: str, folder: str) -> None:
    commit = next(ref.target_commit for ref in HfApi().list_repo_refs(repository).tags if ref.name == tag)
    there = Path(snapshot_download(repository, revision=tag))
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    # As the card says it.
    loaded = get_peft_model_state_dict(PeftModel.from_pretrained(base, repository, revision=tag))
    written = load_file(there / "adapter_model.safetensors")
    print(
        json.dumps(
            {
                "commit": commit,
                "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in there.iterdir()},
                "metrics": len(ModelCard.load(repository).data.eval_results),
                "tensors": sum(name in loaded and torch.equal(loaded[name], value) for name, value in written.items()),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
