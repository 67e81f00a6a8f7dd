"""Golden files of GGUF from llama.cpp's own Python package, transformers and tokenizers, for packages/train's tests.

    python3 -m venv .venv-golden && .venv-golden/bin/pip install -r scripts/golden/requirements.txt
    .venv-golden/bin/python scripts/golden/gguf_files.py packages/train/test/golden/gguf packages/train/test/fixtures/tiny-chat

Writes
- `quants.safetensors`: for each quantization type random blocks (`<type>.bytes`) and their f32 values (`<type>.values`);
- `tiny.gguf` and `tiny/`: a 2-layer Llama with a tokenizer, and the very same weights as a Hugging Face folder;
- `families/<model>.gguf`: the models of `golden/families` as llama.cpp's converter would write them, for the mapping of names,
  biases, head norms, windows and rope scaling;
- `tokenizers.json`: small vocabularies as a GGUF file has them, one for each way to cut words, with the ids of some texts.
"""

import json
import platform
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import safetensors
import tokenizers
import torch
import transformers
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from transformers.tokenization_utils_base import generate_merges

SEED = 20
BLOCKS = 4
QUANTS = [Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.IQ4_NL]
QUANTS += [Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K]
# Where a block's half-precision scales stand: random bytes there could be NaN.
HALVES = {Type.F16: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0]}
HALVES |= {Type.IQ4_NL: [0], Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}


def write_quants(path: Path) -> None:
    """Any bits but NaN and infinity, so that every code, scale and sign is met; the first block's scales are subnormal."""
    random = np.random.default_rng(SEED)
    tensors = {}
    for type in QUANTS:
        block_size, type_size = gguf.GGML_QUANT_SIZES[type]
        blocks = BLOCKS * (32 if block_size == 1 else 1)
        data = random.integers(0, 256, (blocks, type_size), dtype=np.uint8)
        for at in HALVES.get(type, []):
            halves = random.normal(0, 0.05, blocks).astype(np.float16)
            halves[0] = 3e-7
            data[:, at : at + 2] = halves.view(np.uint8).reshape(blocks, 2)
        if type == Type.BF16:
            data = gguf.quantize(random.normal(0, 1, blocks).astype(np.float32), type).view(np.uint8).reshape(blocks, 2)
        tensors[f"{type.name}.bytes"] = data.reshape(-1)
        tensors[f"{type.name}.values"] = gguf.dequantize(data.view(np.float16) if type == Type.F16 else data, type).reshape(-1)
    save_file(tensors, path)


HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS = 32, 64, 2, 4, 2
# Of each kind one, so that none is only tested alone.
STORED = {
    "token_embd": Type.Q8_0,
    "attn_q": Type.Q4_1,
    "attn_k": Type.Q5_0,
    "attn_v": Type.Q8_0,
    "attn_output": Type.Q4_0,
    "ffn_gate": Type.Q5_1,
    "ffn_up": Type.BF16,
    "ffn_down": Type.F16,
}


def interleave(weights: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's `LlamaModel.permute`."""
    rows = weights.shape[0]
    return weights.reshape(heads, 2, rows // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_model(out: Path, chat: Path) -> None:
    definition = json.loads((chat / "tokenizer.json").read_text())
    vocab, added = definition["model"]["vocab"], definition["added_tokens"]
    tokens = [token for token, _ in sorted([*vocab.items(), *((a["content"], a["id"]) for a in added if a["content"] not in vocab)], key=lambda x: x[1])]
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokens),
            hidden_size=HIDDEN,
            intermediate_size=INTERMEDIATE,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS,
            max_position_embeddings=128,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=2,
            pad_token_id=0,
        )
    ).float()
    for name, tensor in model.named_parameters():
        with torch.no_grad():
            if name.endswith("norm.weight"):
                tensor.uniform_(0.5, 1.5)
            else:
                tensor.normal_(0, 0.15)

    writer = gguf.GGUFWriter(out / "tiny.gguf", "llama")
    writer.add_name("tiny")
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INTERMEDIATE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    special = {a["content"] for a in added}
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in definition["model"]["merges"]])
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(0)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template((chat / "chat_template.jinja").read_text())

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            values = tensor.numpy()
            short = names.get_name(name, try_suffixes=(".weight",)).removesuffix(".weight")
            heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(short.split(".")[-1])
            type = STORED.get(short.split(".")[-1], Type.F32)
            stored = gguf.quantize(interleave(values, heads) if heads else values, type)
            writer.add_tensor(f"{short}.weight", stored, raw_dtype=type)
            # The reference quantizes in the folder's own order: rows are quantized one by one, so their order is free.
            tensor.copy_(torch.from_numpy(gguf.dequantize(gguf.quantize(values, type), type).reshape(values.shape).copy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    model.save_pretrained(out / "tiny")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(chat / name, out / "tiny" / name)


FAMILIES = {
    "llama-rope-llama3": "llama",
    "llama-rope-yarn": "llama",
    "llama-biases": "llama",
    "mistral-window": "llama",
    # llama.cpp has no window for Qwen2, so neither has this file.
    "qwen2-window": "qwen2",
    "qwen3": "qwen3",
}


def rope_divisors(config, head_dim: int) -> np.ndarray:
    """llama.cpp's `generate_extra_tensors` for Llama 3."""
    rope = config.rope_parameters
    frequencies = 1.0 / (rope["rope_theta"] ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim))
    low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    divisors = []
    for frequency in frequencies:
        wavelength = 2 * torch.pi / frequency
        if wavelength < old / high:
            divisors.append(1)
        elif wavelength > old / low:
            divisors.append(rope["factor"])
        else:
            smooth = (old / wavelength - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(divisors, dtype=np.float32)


def write_family(folder: Path, path: Path, architecture: str) -> None:
    config = AutoConfig.from_pretrained(folder)
    rope = config.rope_parameters
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(rope["rope_theta"])
    if architecture == "llama":
        writer.add_rope_dimension_count(head_dim)
        writer.add_vocab_size(config.vocab_size)
    if architecture == "qwen3":
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    if config.model_type == "mistral":
        writer.add_sliding_window(config.sliding_window)
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(config, head_dim))
    writer.add_eos_token_id(config.eos_token_id)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[architecture.upper()], config.num_hidden_layers)
    for name, tensor in load_file(folder / "model.safetensors").items():
        heads = None
        if architecture == "llama" and ".q_proj." in name:
            heads = config.num_attention_heads
        if architecture == "llama" and ".k_proj." in name:
            heads = config.num_key_value_heads
        values = tensor.float().numpy()
        type = Type.F32 if values.ndim == 1 else Type.BF16
        stored = gguf.quantize(interleave(values, heads) if heads else values, type)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), stored, raw_dtype=type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


CORPUS = [
    "It's 2024: the parcels (3,141 of them) weren't sent on 12/05, they'LL arrive at 10:30.\n\n",
    "def add(a, b):\n    return a + b  # sums\n\tif x1 == 100000:\n        print('done')\r\n",
    "Die Straße ist 25 km lang; où est l'été? Ελληνικά, русский текст, 日本語のテキスト, 한국어.\n",
    "HTTPServer parseURL camelCase  double  spaces   and a tail   \n   indented",
]
TEXTS = [
    *CORPUS,
    "",
    " ",
    "a",
    "  12345  67",
    "price: $1,234.56!!! ... ok?",
    "don't DON'T I'm we'Ve",
    "e\u0301 \u00e9 \ufb01 \u2167 \u00bd \u0663\u0664",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 emoji",
    "tab\there\nnew\n\n\nlines \n trailing ",
    "nbsp\u00a0here\u2003em\u3000wide\u0085nel\ufeffbom",
    "<|im_start|>user\nhello<|im_end|>",
    "\x00\x01control\x7f",
]
GPT2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3_SPLIT = GGUF_PRE_TOKENIZER_SPLITS["llama-bpe"]
# What the models' own tokenizer.json says.
BYTE_LEVEL = {
    "gpt-2": ([pre_tokenizers.Split(Regex(GPT2_SPLIT), "isolated")], None, False),
    "smollm": ([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Split(Regex(GPT2_SPLIT), "isolated")], None, False),
    "llama-bpe": ([pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")], None, True),
    "qwen2": ([pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS["qwen2"]), "isolated")], normalizers.NFC(), False),
    "tekken": ([pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS["tekken"]), "isolated")], None, True),
}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def cases(tokenizer: Tokenizer) -> list:
    """A text without the ids of BOS, its ids, and what they decode to."""
    encoded = [(text, tokenizer.encode(text, add_special_tokens=False).ids) for text in TEXTS]
    return [{"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)} for text, ids in encoded]


def byte_level(pre: str) -> dict:
    splits, normalizer, ignore_merges = BYTE_LEVEL[pre]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    definition = json.loads(tokenizer.to_str())
    definition["model"]["ignore_merges"] = ignore_merges
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    tokens = sorted(definition["model"]["vocab"], key=definition["model"]["vocab"].get)
    return {
        "model": "gpt2",
        "pre": pre,
        "tokens": tokens,
        "types": [3 if token in SPECIAL else 1 for token in tokens],
        "merges": [" ".join(merge) for merge in definition["model"]["merges"]],
        "cases": cases(tokenizer),
    }


def sentence_piece() -> dict:
    """A vocabulary as SentencePiece makes it: pieces in the order in which they were merged, with falling scores."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator([text.replace("\n", " ") for text in CORPUS] * 3, trainers.BpeTrainer(vocab_size=260, show_progress=False))
    vocab = json.loads(trained.to_str())["model"]["vocab"]
    pieces = sorted((token for token in vocab if len(token) > 1), key=vocab.get)
    letters = sorted(token for token in vocab if len(token) == 1)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, *letters]
    types = [2, 3, 3] + [6] * 256 + [1] * (len(pieces) + len(letters))
    scores = [0.0] * 259 + [-float(rank) for rank in range(len(pieces) + len(letters))]
    normal = {token: (index, scores[index]) for index, token in enumerate(tokens) if types[index] == 1}
    merges = generate_merges({token: index for token, (index, _) in normal.items()}, {token: score for token, (_, score) in normal.items()})
    ids = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return {"model": "llama", "tokens": tokens, "types": types, "scores": scores, "cases": cases(tokenizer)}


def main(out: Path, chat: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_quants(out / "quants.safetensors")
    write_model(out, chat)
    (out / "families").mkdir(exist_ok=True)
    for name, architecture in FAMILIES.items():
        write_family(out.parent / "families" / name, out / "families" / f"{name}.gguf", architecture)
    vocabularies = [*(byte_level(pre) for pre in BYTE_LEVEL), sentence_piece()]
    # One vocabulary a line: the file can be read, and is not thousands of lines.
    lines = ",\n".join(json.dumps(vocabulary) for vocabulary in vocabularies)
    (out / "tokenizers.json").write_text(f"[\n{lines}\n]\n")
    versions = {
        "python": platform.python_version(),
        "gguf": __import__("importlib.metadata").metadata.version("gguf"),
        **{module.__name__: module.__version__ for module in (torch, transformers, tokenizers, safetensors)},
        "numpy": np.__version__,
        "seed": SEED,
    }
    (out / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
