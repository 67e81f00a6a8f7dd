"""Trains the byte-level BPE tokenizer of gitune-tiny: text file names, one JSON string a line, to a tokenizer.json.

usage: train_tokenizer.py <texts.jsonl> <vocabulary size> <tokenizer.json> <special token> ...
"""

import json
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers


def texts(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def main():
    source, size, target, *special = sys.argv[1:]
    tokenizer = Tokenizer(models.BPE())
    # Digits one by one, so that no version number or year becomes a token of its own.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=int(size),
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(source), trainer)
    tokenizer.save(target, pretty=False)


main()
