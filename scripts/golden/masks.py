"""Writes packages/train/test/golden/masks/golden.json: which tokens of a conversation are the assistant's, as transformers
says it (`return_assistant_tokens_mask`) by templates in which the assistant's part is marked. See PROVENANCE.md there."""
import json, pathlib
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast

test = pathlib.Path(__file__).parents[2] / "packages" / "train" / "test"
BEGIN, END = "{% generation %}", "{% endgeneration %}"
ASSISTANT = "message['role'] == 'assistant'"
# For each template: its special tokens, those that end a turn first, and edits that mark what the assistant says.
TEMPLATES = {
    "gitune-tiny": (["<|im_end|>", "<|im_start|>"], []),
    "smollm2": (["<|im_end|>", "<|im_start|>"], [(
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}",
        "{{'<|im_start|>' + message['role'] + '\n'}}{% if " + ASSISTANT + " %}" + BEGIN + "{{ message['content'] + '<|im_end|>' }}" + END
        + "{{ '\n' }}{% else %}{{ message['content'] + '<|im_end|>' + '\n'}}{% endif %}")]),
    "llama3": (["<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>"], [(
        "{{ content }}",
        "{% if " + ASSISTANT + " %}{% set parts = content.split('<|end_header_id|>\n\n') %}{{ parts[0] + '<|end_header_id|>\n\n' }}"
        + BEGIN + "{{ parts[1] }}" + END + "{% else %}{{ content }}{% endif %}")]),
    "mistral": (["</s>", "<s>"], [("{{ message['content'] + eos_token}}", BEGIN + "{{ message['content'] + eos_token}}" + END)]),
    "phi3": (["<|end|>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>"], [(
        "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}",
        "{{'<|assistant|>\n'}}" + BEGIN + "{{ message['content'] + '<|end|>' }}" + END + "{{ '\n' }}")]),
    "gemma3": (["<end_of_turn>", "<eos>", "<bos>", "<start_of_turn>"], [
        ("{%- if message['content'] is string -%}\n        {{", "{%- if " + ASSISTANT + " -%}" + BEGIN
         + "{{ message['content'] | trim + '<end_of_turn>' }}" + END + "{%- elif message['content'] is string -%}\n        {{"),
        ("{{ '<end_of_turn>\n' }}", "{{ '\n' if " + ASSISTANT + " else '<end_of_turn>\n' }}")]),
    "qwen3": (["<|im_end|>", "<|endoftext|>", "<|im_start|>"], [
        ("        {%- if loop.index0 > ns.last", "        {{- '<|im_start|>' + message.role + '\\n' }}" + BEGIN + "\n        {%- if loop.index0 > ns.last"),
        ("{{- '<|im_start|>' + message.role + '\\n<think>", "{{- '<think>"),
        ("{{- '<|im_start|>' + message.role + '\\n' + content }}", "{{- content }}"),
        ("        {{- '<|im_end|>\\n' }}\n    {%- elif message.role == \"tool\"", "        {{- '<|im_end|>' }}" + END + "{{- '\\n' }}\n    {%- elif message.role == \"tool\"")]),
}
TOOLS = [{"type": "function", "function": {"name": "track", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}}}]
def turn(role, content, **extra): return {"role": role, "content": content, **extra}
CHATS = {
    "one turn": ([turn("user", "Where is my parcel?"), turn("assistant", "On its way.")], None),
    "two turns": ([turn("user", "Hi"), turn("assistant", "Hello! How can I help?"), turn("user", "Refund, please."), turn("assistant", "Done.\n\nAnything else?")], None),
    "system prompt": ([turn("system", "Be kind."), turn("user", "Grüße"), turn("assistant", "你好 🎉"), turn("user", "b"), turn("assistant", "c")], None),
    "thinking": ([turn("user", "1+1?"), turn("assistant", "<think>\nEasy.\n</think>\n\n2"), turn("user", "2+2?"), turn("assistant", "<think>\nAlso easy.\n</think>\n\n4")], None),
    "a tool call": ([turn("user", "Where is order 7?"), turn("assistant", "", tool_calls=[{"type": "function", "function": {"name": "track", "arguments": {"order": "7"}}}]),
                     turn("tool", "on the road"), turn("assistant", "It is on the road.")], TOOLS),
}
SKIPPED = {"mistral": {"system prompt", "a tool call"}, "gemma3": {"a tool call"}}

out = []
for name, (specials, edits) in TEMPLATES.items():
    source = (test / "fixtures" / "chat-templates" / f"{name}.jinja").read_text()
    marked = source
    for old, new in edits:
        assert old in marked, (name, old)
        marked = marked.replace(old, new)
    backend = Tokenizer.from_file(str(test / "fixtures" / "tiny-chat" / "tokenizer.json"))
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in specials])
    eos = "<|endoftext|>" if name == "phi3" else specials[0]
    bos = next((t for t in specials if t in ("<s>", "<bos>", "<|begin_of_text|>")), None)
    hf = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=eos, **({"bos_token": bos} if bos else {}))
    for title, (messages, tools) in CHATS.items():
        if title in SKIPPED.get(name, set()) or (tools and name != "qwen3"):
            continue
        plain = hf.apply_chat_template(messages, tools=tools, chat_template=source, tokenize=False)
        text = hf.apply_chat_template(messages, tools=tools, chat_template=marked, tokenize=False)
        assert plain == text, (name, title, plain, text)
        encoded = hf.apply_chat_template(messages, tools=tools, chat_template=marked, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        out.append({"template": name, "specials": specials, "eos": eos, "bos": bos, "chat": title, "messages": messages, "tools": tools,
                    "ids": encoded["input_ids"], "mask": encoded["assistant_masks"]})
(test / "golden" / "masks" / "golden.json").write_text("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in out) + "\n]\n")
print(len(out), "conversations")
