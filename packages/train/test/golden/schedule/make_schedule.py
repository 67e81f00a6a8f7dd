"""Writes golden.json from transformers' own schedule functions (their lambdas need no torch). See PROVENANCE.md."""
import json, math, pathlib, re, transformers

source = (pathlib.Path(transformers.__file__).parent / "optimization.py").read_text()
scope = {"math": math}
for name in ("cosine", "linear", "constant"):
    start = source.index(f"def _get_{name}_schedule_with_warmup_lr_lambda")
    exec(re.split(r"\n\n\n", source[start:])[0], scope)
RATE, rows = 1e-4, []
for schedule in ("constant", "linear", "cosine"):
    for total, ratio in ((1, 0.0), (10, 0.0), (10, 0.1), (37, 0.15)):
        warmup = math.ceil(total * ratio)
        kwargs = {"num_warmup_steps": warmup}
        if schedule != "constant":
            kwargs["num_training_steps"] = total
        if schedule == "cosine":
            kwargs["num_cycles"] = 0.5
        rates = [RATE * scope[f"_get_{schedule}_schedule_with_warmup_lr_lambda"](step, **kwargs) for step in range(total)]
        rows.append({"schedule": schedule, "totalSteps": total, "warmupRatio": ratio, "learningRate": RATE, "rates": rates})
(pathlib.Path(__file__).parent / "golden.json").write_text(json.dumps(rows, indent=1) + "\n")
