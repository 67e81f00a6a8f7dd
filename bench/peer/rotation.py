"""What 8-bit products do to the gradient of a LoRA adapter, emulated in PyTorch: the table of docs/int8.md.

python rotation.py MODEL_FOLDER ROWS.jsonl     (the environment of `npm run test:parity`)
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager")
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
rows = [json.dumps(json.loads(line))[:700] for line in open(sys.argv[2]).readlines()[:2]]
ids = [tokenizer(row, return_tensors="pt").input_ids[:, :160] for row in rows]
length = min(part.shape[1] for part in ids)
batch = torch.cat([part[:, :length] for part in ids])


def quantize(x, axis):
    scale = x.abs().amax(axis, keepdim=True).clamp_min(1e-30) / 127
    return (x / scale).round() * scale


def hadamard(size):
    h = torch.ones(1, 1)
    while h.shape[0] < size:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return h / size**0.5


signs = {width: torch.sign(torch.randn(width)) for width in (576, 1536)}


def rotate(x, block):
    width = x.shape[-1]
    blocks = (x * signs[width]).reshape(*x.shape[:-1], width // block, block)
    return (blocks @ hadamard(block)).reshape(x.shape)


def in_blocks(x, block=32):
    return quantize(x.reshape(*x.shape[:-1], -1, block), -1).reshape(x.shape)


def plain(x, w):
    return quantize(x, -1) @ quantize(w, 1).T - x @ w.T


def first_exact(x, w):
    error = plain(x, w)
    error[:, 0] = 0
    return error


def rotated(block):
    return lambda x, w: quantize(rotate(x, block), -1) @ quantize(rotate(w, block), 1).T - x @ w.T


class Product(torch.autograd.Function):
    """x Wᵀ, with an error added forward and the gradient's product replaced, where asked for."""

    @staticmethod
    def forward(ctx, x, w, name):
        ctx.save_for_backward(w)
        error = how["forward"]
        return x @ w.T + error(x, w) if error and name.endswith(how["modules"]) else x @ w.T

    @staticmethod
    def backward(ctx, dy):
        (w,) = ctx.saved_tensors
        return (quantize(dy, -1) @ quantize(w, 0) if how["backward"] else dy @ w), None, None


how = {}
trained = []
for name, module in model.named_modules():
    if isinstance(module, torch.nn.Linear) and "layers" in name:
        a = torch.nn.Parameter(torch.randn(8, module.in_features) / module.in_features**0.5)
        b = torch.nn.Parameter(0.01 * torch.randn(module.out_features, 8))
        trained += [a, b]
        module.forward = lambda x, m=module, n=name, a=a, b=b: Product.apply(x, m.weight, n) + 2 * (x @ a.T) @ b.T
for parameter in model.parameters():
    parameter.requires_grad_(False)
model.enable_input_require_grads()


def gradient(forward=None, backward=False, modules="proj", dtype=None):
    how.update(forward=forward, backward=backward, modules=modules)
    for parameter in trained:
        parameter.requires_grad_(True)
        parameter.grad = None
    with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
        model(input_ids=batch, labels=batch).loss.backward()
    return torch.cat([parameter.grad.flatten() for parameter in trained]).double()


exact = gradient()
for title, settings in {
    "bfloat16 autocast": {"dtype": torch.bfloat16},
    "8-bit gradients only": {"backward": True},
    "8-bit forward": {"forward": plain},
    "… first token exact": {"forward": first_exact},
    "… of v_proj alone": {"forward": plain, "modules": "v_proj"},
    **{f"… rotated in blocks of {size}": {"forward": rotated(size)} for size in (16, 32, 64)},
    "blocks of 32 with a scale each": {"forward": lambda x, w: in_blocks(x) @ in_blocks(w).T - x @ w.T},
}.items():
    print(f"{torch.nn.functional.cosine_similarity(exact, gradient(**settings), 0).item():.4f}  {title}", flush=True)
