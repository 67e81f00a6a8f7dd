"""Rates of matrix products at the model's shapes: numpy (OpenBLAS), PyTorch float32 and bfloat16."""

import sys
import json
import time

import numpy
import torch

from serve import serve

settings = json.loads(sys.argv[1])
torch.set_num_threads(settings["threads"])

KINDS = {
    "numpy f32": (lambda *size: numpy.random.default_rng(0).standard_normal(size, dtype=numpy.float32), numpy.matmul),
    "torch f32": (lambda *size: torch.randn(size), torch.mm),
    "torch bf16": (lambda *size: torch.randn(size).bfloat16(), torch.mm),
}


def rate(kind: str, shapes: list, seconds: float) -> dict:
    """GFLOP/s over products [m, k] x [k, n], each as often as the others."""
    make, product = KINDS[kind]
    # Weights are [n, k] in files: products read them transposed, as a linear layer does.
    pairs = [(make(m, k), make(n, k).T) for m, k, n in shapes]
    for a, b in pairs:
        product(a, b)
    flops = sum(2 * m * k * n for m, k, n in shapes)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for a, b in pairs:
            product(a, b)
        done += flops
    return {"gflops": done / (time.perf_counter() - started) / 1e9}


serve({"rate": rate})
