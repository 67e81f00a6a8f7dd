"""Encodes texts with the reference implementation: encode.py <tokenizer.json> < texts.jsonl > ids.jsonl"""

import json
import sys

from tokenizers import Tokenizer


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    for line in sys.stdin:
        ids = tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids
        print(json.dumps({"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)}))


main()
