"""Writes drift.json beside it: what numpy and scipy say of the distances between two sets of rows. See PROVENANCE.md."""

import json
import math
import os

import numpy as np
from scipy import special, stats

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20261201
RANDOM = np.random.default_rng(SEED)


def psi(before, now):
    """The index as the symmetric sum of two Kullback-Leibler divergences (scipy.special.rel_entr), not by its own formula."""
    before, now = np.asarray(before, float), np.asarray(now, float)
    kept = before + now > 0
    before, now = before[kept], now[kept]
    m, n, bins = before.sum(), now.sum(), len(before)
    if m == 0 or n == 0 or bins < 2:
        return 0.0, 1.0
    rows = min(m, n)
    p = before / m * rows + 0.5
    q = now / n * rows + 0.5
    p, q = p / p.sum(), q / q.sum()
    value = float(special.rel_entr(p, q).sum() + special.rel_entr(q, p).sum())
    return value, float(stats.chi2.sf(value / (1 / n + 1 / m), bins - 1))


def bins(before, now):
    deciles = np.unique(np.quantile(before, np.arange(1, 10) / 10, method="inverted_cdf"))
    if deciles[0] == min(before):
        deciles = np.concatenate([[deciles[0] - 1], deciles])
    edges = np.concatenate([[-math.inf], deciles, [math.inf]])
    # Closed above, as pandas.cut does it.
    count = lambda values: [int(((values > low) & (values <= high)).sum()) for low, high in zip(edges, edges[1:])]
    return count(before), count(now)


def lengths(kind, rows):
    if kind == "log-normal":
        return RANDOM.lognormal(4, 0.6, rows).astype(int)
    if kind == "longer":
        return RANDOM.lognormal(4.8, 0.6, rows).astype(int)
    if kind == "few values":
        return RANDOM.choice([3, 4, 5, 9], rows, p=[0.55, 0.3, 0.1, 0.05])
    if kind == "one value":
        return np.full(rows, 7)
    if kind == "shorter":
        return RANDOM.integers(0, 5, rows)
    return RANDOM.poisson(20, rows)


pairs = []
for old, new in [
    ("log-normal", "log-normal"),
    ("log-normal", "longer"),
    ("few values", "few values"),
    ("few values", "shorter"),
    ("one value", "shorter"),
    ("one value", "one value"),
    ("poisson", "log-normal"),
]:
    for m, n in [(30, 30), (600, 45), (200, 500)]:
        before, now = lengths(old, m), lengths(new, n)
        counted = bins(before, now)
        value, p_value = psi(*counted)
        pairs.append(
            {
                "name": f"{old} → {new}, {m} and {n} rows",
                "before": before.tolist(),
                "now": now.tolist(),
                "bins": counted,
                "psi": value,
                "pValue": p_value,
            }
        )

shares = []
for before, now in [
    ([900, 60, 20, 10, 0], [28, 1, 1, 0, 0]),
    ([900, 60, 20, 10, 0], [20, 2, 1, 0, 7]),
    ([500, 500], [500, 500]),
    ([1, 0, 0], [0, 1, 0]),
    ([5, 0], [7, 0]),
    ([0, 0], [3, 4]),
    ([10**6, 10**6], [10**6 - 3000, 10**6 + 3000]),
]:
    value, p_value = psi(before, now)
    shares.append({"before": before, "now": now, "psi": value, "pValue": p_value})

tails = [
    {"x": x, "df": df, "tail": float(stats.chi2.sf(x, df))}
    for df in range(1, 22)
    for x in [1e-9, 0.1, 1, 3.84, df - 0.5, df + 2, df + 2.01, 27.88, 60, 250, 1400]
]

# How often ten bins and few rows seem to differ where nothing has changed: the reason for asking for significance.
trials = 100_000
before = np.full(10, 200)
chance = []
for n in [30, 100]:
    # The deciles are a sample's, so the true shares between them are its order statistics' spacings.
    now = RANDOM.multinomial(n, RANDOM.dirichlet(before, trials))
    rows = min(n, before.sum())
    p = (before / before.sum() * rows + 0.5) / (rows + 5)
    q = (now / n * rows + 0.5) / (rows + 5)
    values = ((q - p) * np.log(q / p)).sum(1)
    tail = stats.chi2.sf(values / (1 / n + 1 / before.sum()), 9)
    chance.append(
        {
            "rows": n,
            "over": float((values > 0.25).mean()),
            "alarms": float(((values > 0.25) & (tail < 0.001)).mean()),
        }
    )

with open(os.path.join(HERE, "drift.json"), "w") as file:
    json.dump({"lengths": pairs, "shares": shares, "tails": tails, "chance": chance}, file, ensure_ascii=False)
    file.write("\n")
