"""Compares logits with those that come in on stdin.

    python logits.py <model folder or adapter folder> [--adapter <folder>] [--merge] < frames

A first line of JSON, a list of rows of token ids; then for each row its logits, [tokens, vocab] float32.
--adapter loads a PEFT adapter on the model, --merge then merges it. An adapter's folder alone is what
`AutoModelForCausalLM` loads with PEFT installed.

relative: the largest |theirs - ours| of a position over the largest |theirs| of that position; the worst position counts.
"""

import argparse
import json
import sys

import numpy
import torch
from transformers import AutoModelForCausalLM


def load(options: argparse.Namespace) -> torch.nn.Module:
    model = AutoModelForCausalLM.from_pretrained(options.model, torch_dtype=torch.float32)
    if options.adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, options.adapter)
    return (model.merge_and_unload() if options.merge else model).eval()


@torch.inference_mode()
def main(options: argparse.Namespace) -> None:
    model = load(options)
    rows = json.loads(sys.stdin.buffer.readline())
    relative, same, positions = 0.0, 0, 0
    for ids in rows:
        theirs = model(input_ids=torch.tensor([ids])).logits[0].numpy()
        ours = numpy.frombuffer(sys.stdin.buffer.read(theirs.nbytes), numpy.float32).reshape(theirs.shape)
        # max() of NumPy lets NaN through: a NaN on either side is an error, not a match.
        worst = (numpy.abs(theirs - ours).max(1) / numpy.abs(theirs).max(1)).max()
        relative = float(numpy.maximum(relative, worst))
        same += int((theirs.argmax(1) == ours.argmax(1)).sum())
        positions += len(ids)
    print(json.dumps({"relative": relative, "sameArgmax": same / positions, "positions": positions}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--adapter")
    parser.add_argument("--merge", action="store_true")
    main(parser.parse_args())
