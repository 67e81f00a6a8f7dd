"""Writes the tiny chat tokenizer (../../fixtures/tiny-chat) and golden.json. See PROVENANCE.md."""
import json, pathlib
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

here = pathlib.Path(__file__).parent
fixture = here.parent.parent / "fixtures" / "tiny-chat"
TEXT = [
    "The parcel did not arrive and the customer asks for a refund of the order.",
    "Thank you for your message. We send a new parcel today and write to you again.",
    "How can I change the address of my account? Open the settings and choose the address.",
] * 4

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(
    vocab_size=370, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
fixture.mkdir(parents=True, exist_ok=True)
(fixture / "tokenizer.json").write_text(tokenizer.to_str(pretty=False) + "\n")
(fixture / "tokenizer_config.json").write_text(json.dumps({
    "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>", "clean_up_tokenization_spaces": False}, indent=1) + "\n")
(fixture / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 0]}) + "\n")
(fixture / "chat_template.jinja").write_text(
    "{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + eos_token + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n")

hf = AutoTokenizer.from_pretrained(str(fixture))
texts = ["", "a", " a parcel", "The parcel did not arrive.", "tabs\tand\n\nlines  ", "Grüße, 你好 🎉", "<|im_end|>x<|im_start|>", "don't . ! we're"]
chats = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": " Be kind. "}, {"role": "user", "content": "Where is my parcel?"}, {"role": "assistant", "content": "On its way."}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "ü"}, {"role": "assistant", "content": "d\n"}],
]
golden = {
    "texts": [{"text": t, "ids": hf.encode(t, add_special_tokens=False), "decoded": hf.decode(hf.encode(t), skip_special_tokens=True)} for t in texts],
    "chats": [{"messages": c, "add_generation_prompt": g, "text": hf.apply_chat_template(c, tokenize=False, add_generation_prompt=g),
               "ids": hf.apply_chat_template(c, tokenize=True, add_generation_prompt=g, return_dict=False)} for c in chats for g in (False, True)],
}
(here / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
