"""What transformers' logits processors make of logits: golden numbers for packages/train/src/engine/sample.ts.

    python scripts/golden/sampling.py packages/train/test/golden/sampling
"""

import json
import math
import sys
from pathlib import Path

import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

VOCAB = 48
SEEN = [3, 7, 7, 11, 40, 0]
NONE = {"temperature": 1.0, "topK": 0, "topP": 1.0, "repetitionPenalty": 1.0}
CASES = [
    {},
    {"temperature": 0.7},
    {"temperature": 1.9},
    {"repetitionPenalty": 1.3},
    {"repetitionPenalty": 0.8},
    {"topK": 1},
    {"topK": 5},
    {"topK": 48},
    {"topK": 500},
    {"topP": 0.9},
    {"topP": 0.5},
    {"topP": 0.01},
    {"topP": 0.999},
    {"temperature": 0.6, "topK": 20, "topP": 0.8, "repetitionPenalty": 1.2},
    {"temperature": 1.4, "topK": 10, "topP": 0.95, "repetitionPenalty": 1.05},
]


def process(logits: torch.Tensor, case: dict) -> list:
    """The order of GenerationMixin._get_logits_processor: the penalty first, then temperature, top-k, top-p."""
    steps = LogitsProcessorList()
    if case["repetitionPenalty"] != 1.0:
        steps.append(RepetitionPenaltyLogitsProcessor(penalty=case["repetitionPenalty"]))
    if case["temperature"] != 1.0:
        steps.append(TemperatureLogitsWarper(case["temperature"]))
    if case["topK"] != 0:
        steps.append(TopKLogitsWarper(top_k=case["topK"]))
    if case["topP"] != 1.0:
        steps.append(TopPLogitsWarper(top_p=case["topP"]))
    scores = steps(torch.tensor([SEEN]), logits[None].clone())[0]
    return [None if math.isinf(score) else score for score in scores.tolist()]


def main(folder: Path) -> None:
    torch.manual_seed(42)
    spread = torch.randn(VOCAB) * 2.5
    # Two ties of the k-th of topK 5: both stay.
    tied = spread.clone()
    order = tied.argsort(descending=True)
    tied[order[5]] = tied[order[4]]
    document = {"seen": SEEN, "cases": []}
    for name, logits in [("spread", spread), ("tied", tied)]:
        for changed in CASES if name == "spread" else [{"topK": 5}]:
            case = {**NONE, **changed}
            document["cases"].append({"logits": logits.tolist(), "options": case, "scores": process(logits, case)})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logits-processors.json").write_text(json.dumps(document, indent=1) + "\n")


main(Path(sys.argv[1]))
