"""Text, ids and offsets of rows by transformers: `python tokens.py <model folder> < rows.jsonl > tokens.jsonl`."""

import json
import sys

from transformers import AutoTokenizer


def main(folder: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for line in sys.stdin:
        row = json.loads(line)
        prompt = None
        if "messages" in row:
            render = lambda messages, **options: tokenizer.apply_chat_template(messages, tokenize=False, **options)
            row["text"] = render(row["messages"])
            prompt = render(row["messages"][:-1], add_generation_prompt=True)
        out = tokenizer(row["text"], add_special_tokens=False, return_offsets_mapping=True)
        offsets = [at for span in out["offset_mapping"] for at in span]
        print(json.dumps({"text": row["text"], "prompt": prompt, "ids": out["input_ids"], "offsets": offsets}))


if __name__ == "__main__":
    main(sys.argv[1])
