"""Writes the golden files beside it from the reference implementations. See PROVENANCE.md for how to run it."""

import collections
import json
import math
import os
import random
import re
import string

import numpy as np
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from scipy import optimize, stats

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20231117
RANDOM = random.Random(SEED)

SENTENCES = """
The quick brown fox jumps over the lazy dog, and the dog does not mind.
Library for reading and writing compressed archives (development files)
A small web server, written in C; it serves static files at 10,000 requests/s.
This package contains the debugging symbols for libfoo2.
GNOME's terminal emulator -- tabs, profiles & true-colour support
Users can't see what they don't look for: e.g. the 3.14-rc1 release notes.
Converts PDF to text, HTML, or XML while keeping the lay-out of pages.
"Quoted" text, 'single' quotes and `backticks` in one line.
Simple tool to measure network throughput over TCP and UDP
An interpreter for the language Scheme (R7RS), with a compiler to C.
Python 3 bindings for the message bus; asyncio is supported since 2.0.
Transitional dummy package that can safely be removed.
It plays MP3, Ogg/Vorbis and FLAC files. It has no graphical interface.
Fonts for Khmer, Lao and Thai scripts in TrueType format
the the the a a an of of and
E-mail me at someone@example.org or visit http://example.org/a?b=c&d=e#f.
Prices rose by 3.5% to $1,234.56 on 2021-03-04 (from $1,190).
Naïve café résumé coöperation: Übergröße, smörgåsbord, Ångström.
Наблюдение за системой в реальном времени for Linux
日本語のテキスト and some English words 混在
Emoji 👍🏽 and flags 🇩🇪 are characters, too 😀😀.
STRASSE straße İstanbul ΣΊΣΥΦΟΣ K
tab\tseparated\tvalues and non\u00a0breaking\u2003spaces
&quot;escaped&quot; &amp; &lt;tags&gt; with <skipped> parts
hyphen-\nated line break and state-of-the-art-ness
1.5. 2,000, 3-4 5- -6 a.b.c x,y,z ...!!!
snake_case and _under_ scores; C++ and C# and .NET
""".strip("\n").replace("\\t", "\t").replace("\\n", "\n").replace("\\u00a0", "\u00a0").replace("\\u2003", "\u2003").split("\n")


def mutate(text):
    words = text.split(" ")
    kind = RANDOM.randrange(9)
    if kind == 0:
        words = [w for w in words if RANDOM.random() > 0.3]
    elif kind == 1:
        words = words + RANDOM.sample(words, min(3, len(words)))
    elif kind == 2:
        RANDOM.shuffle(words)
    elif kind == 3:
        words = [w if RANDOM.random() > 0.4 else RANDOM.choice(RANDOM.choice(SENTENCES).split(" ")) for w in words]
    elif kind == 4:
        words = [w.upper() for w in words]
    elif kind == 5:
        words = words[: max(1, len(words) // 2)]
    elif kind == 6:
        words = RANDOM.choice(SENTENCES).split(" ")
    elif kind == 7:
        words = [w + RANDOM.choice(["", ",", ".", "!", "-"]) for w in words]
    return " ".join(words)


def several(maker, low, high):
    return RANDOM.choice(["\n", "\n", " ", "\n\n"]).join(maker() for _ in range(RANDOM.randint(low, high)))


def make_rows():
    rows = []
    for _ in range(160):
        source = RANDOM.choice(SENTENCES)
        references = [mutate(source) if RANDOM.random() < 0.5 else source for _ in range(RANDOM.choice([1, 1, 1, 2, 3]))]
        rows.append((mutate(source), references))
    for _ in range(120):
        sources = RANDOM.sample(SENTENCES, 4)
        reference = several(lambda: RANDOM.choice(sources), 1, 5)
        rows.append((several(lambda: mutate(RANDOM.choice(sources)), 1, 5), [reference]))
    for _ in range(40):
        alphabet = RANDOM.choice(["ab c", "abc .,-&<>\n", "a1é 漢\t-.,"])
        noise = lambda: "".join(RANDOM.choice(alphabet) for _ in range(RANDOM.randint(0, 30)))
        rows.append((noise(), [noise() for _ in range(RANDOM.randint(1, 2))]))
    same = [(text, [text]) for text in SENTENCES]
    edge = [("", [""]), ("", ["a b"]), ("a b", [""]), (" ", ["\n"]), ("...", ["!!!"]), ("a", ["a"]), ("A", ["the"]), ("the", ["an"])]
    return rows + same + edge


# The official SQuAD 2.0 evaluation script (evaluate-v2.0.py), as published.
def normalize_answer(text):
    text = "".join(ch for ch in text.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text).split())


def squad_f1(gold, predicted):
    gold_tokens, tokens = normalize_answer(gold).split(), normalize_answer(predicted).split()
    common = sum((collections.Counter(gold_tokens) & collections.Counter(tokens)).values())
    if len(gold_tokens) == 0 or len(tokens) == 0:
        return float(gold_tokens == tokens)
    if common == 0:
        return 0.0
    precision, recall = common / len(tokens), common / len(gold_tokens)
    return (2 * precision * recall) / (precision + recall)


def metrics():
    rows = make_rows()
    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    rouge = rouge_scorer.RougeScorer(names, use_stemmer=False)
    bleu, chrf = BLEU(effective_order=True), CHRF()
    out = []
    for prediction, references in rows:
        scores = {name: score.fmeasure for name, score in rouge.score_multi(references, prediction).items()}
        scores["token_f1"] = max(squad_f1(reference, prediction) for reference in references)
        scores["bleu"] = bleu.sentence_score(prediction, references).score
        scores["chrf"] = chrf.sentence_score(prediction, references).score
        out.append({"prediction": prediction, "references": references, "scores": scores})
    corpora = []
    for start, end in [(0, 160), (160, 280), (280, 320), (320, len(rows)), (0, len(rows)), (0, 1), (5, 9)]:
        part = rows[start:end]
        width = max(len(references) for _, references in part)
        columns = [[references[k] if k < len(references) else None for _, references in part] for k in range(width)]
        predictions = [prediction for prediction, _ in part]
        corpora.append({
            "start": start, "end": end,
            "bleu": BLEU().corpus_score(predictions, columns).score,
            "chrf": CHRF().corpus_score(predictions, columns).score,
        })
    return {"rows": out, "corpora": corpora}


def tango_interval(gains, losses, n, confidence):
    """Independent of the closed form: the restricted likelihood is maximised numerically, the score inverted by root finding."""
    z = stats.norm.ppf(0.5 + confidence / 2)

    def score(delta):
        def negative(q):
            cells = ((gains, q + delta), (losses, q), (n - gains - losses, 1 - 2 * q - delta))
            if any(p < 0 or (k > 0 and p == 0) for k, p in cells):
                return np.inf
            return -sum(k * math.log(p) for k, p in cells if k > 0)

        low, high = max(0.0, -delta), (1 - delta) / 2
        q = optimize.minimize_scalar(negative, bounds=(low, high), method="bounded", options={"xatol": 1e-14, "maxiter": 2000}).x
        return (gains - losses - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))

    estimate = (gains - losses) / n
    step = 1e-9
    return [optimize.brentq(lambda d: score(d) - z, -1 + step, estimate - step, xtol=1e-12), optimize.brentq(lambda d: score(d) + z, estimate + step, 1 - step, xtol=1e-12)]


def statistics():
    rng = np.random.default_rng(SEED)
    binomial = [{"k": k, "n": n, "two_sided": stats.binomtest(k, n, 0.5).pvalue, "less": stats.binomtest(k, n, 0.5, "less").pvalue, "greater": stats.binomtest(k, n, 0.5, "greater").pvalue}
                for n in [1, 2, 3, 5, 8, 13, 20, 50, 101, 400, 1000, 4001] for k in sorted({0, 1, n // 4, n // 3, n // 2, n // 2 + 1, int(n * 0.55), n - 1, n}) if k <= n]
    wilson = [{"k": k, "n": n, "confidence": c, "ci": [*stats.binomtest(k, n).proportion_ci(c, "wilson")]} for n in [1, 2, 10, 77, 500] for k in sorted({0, 1, n // 3, n // 2, n}) for c in [0.9, 0.95, 0.99]]
    normal = {"cdf": [{"x": x, "p": stats.norm.cdf(x)} for x in np.linspace(-9, 9, 73).tolist() + [-37.0, -20.0, 0.001, -1e-8]],
              "quantile": [{"p": p, "x": stats.norm.ppf(p)} for p in [1e-300, 1e-100, 1e-20, 1e-9, 1e-5, 0.001, 0.0125, 0.025, 0.05, 0.1, 0.25, 0.4, 0.499, 0.5, 0.6, 0.9, 0.975, 0.999, 0.9999999]]}
    bootstrap = []
    shapes = {
        "normal": lambda n: rng.normal(0.01, 0.2, n), "skewed": lambda n: rng.exponential(0.3, n) - 0.2,
        "mostly-zero": lambda n: np.where(rng.random(n) < 0.8, 0.0, rng.normal(-0.2, 0.4, n)),
        "heavy": lambda n: rng.standard_t(3, n) * 0.1, "beta": lambda n: rng.beta(0.5, 2, n) - rng.beta(0.6, 2, n),
    }
    for name, draw in shapes.items():
        for n in [25, 120]:
            base = rng.random(n)
            head = base + draw(n)
            result = stats.bootstrap((head, base), lambda a, b, axis: np.mean(a - b, axis=axis), paired=True, vectorized=True, confidence_level=0.95, n_resamples=200_000, batch=2000, method="BCa", rng=np.random.default_rng(SEED))
            bootstrap.append({"shape": name, "base": base.tolist(), "head": head.tolist(), "ci": [*map(float, result.confidence_interval)], "standard_error": float(result.standard_error)})
    tango = [{"gains": g, "losses": l, "n": n, "ci": tango_interval(g, l, n, 0.95)} for g, l, n in [(9, 3, 50), (1, 4, 40), (20, 21, 200), (0, 5, 30), (7, 0, 25), (60, 30, 500), (3, 1, 12), (100, 140, 1000)]]
    holm = []
    for size in [1, 2, 5, 12]:
        ps = rng.random(size) ** 3
        order, running, adjusted = np.argsort(ps), 0.0, np.zeros(size)
        for rank, index in enumerate(order):
            running = max(running, min(1.0, (size - rank) * ps[index]))
            adjusted[index] = running
        holm.append({"ps": ps.tolist(), "adjusted": adjusted.tolist()})
    return {"binomial": binomial, "wilson": wilson, "normal": normal, "bootstrap": bootstrap, "tango": tango, "holm": holm}


def write(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, indent=None, separators=(",", ":"))
        file.write("\n")


write("metrics.json", metrics())
write("statistics.json", statistics())
