"""One-shot recognition among 5 and 20 characters drawn from all alphabets: `tinyconv reproduce omniglot-episodes`.

The encoder is that of `omniglot-lake`, trained on 964 characters of 30 alphabets; the episodes take the 659 characters of 20
other alphabets. (The published figure is of a split of Vinyals et al. 2016: 1,200 characters to train and 423 to test, with
quarter turns as new characters in both, and alphabets on both sides.) Every run on them: the one that is recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinyconv.data import samplers
from tinyconv.experiments.machine import machine
from tinyconv.experiments.omniglot import characters, embed, nearest, trained
from tinyconv.experiments.results import Result
from tinyconv.metric.intervals import bootstrap_interval

EPISODES, ASKED = 1000, 5  # drawings asked of each character


def run(seed: int, checkpoint: Path) -> Result:
    """Train on the background set (a finished checkpoint of `omniglot-lake` will do), then recognise."""
    drawings, _ = characters("omniglot-evaluation")
    net, seconds = trained(seed, checkpoint)
    points = embed(net, drawings, np.random.default_rng([seed, 2]))
    found: dict[str, float] = {}
    for ways in (5, 20):
        shares = accuracies(points, ways, np.random.default_rng([seed, 3, ways]))
        low, high = bootstrap_interval(np.mean, (shares,), np.random.default_rng([seed, 4]))
        figures = {"": shares.mean(), ", 95 % interval from": low, ", to": high}
        found |= {f"{ways}-way{name}": round(100 * float(figure), 2) for name, figure in figures.items()}
    return Result(
        name="omniglot-episodes", metric="20-way one-shot accuracy, %", measured=found.pop("20-way"), spread=None, published=96.0,
        source="prototypical networks, Snell et al. 2017 (98.8 for 5-way), on another split", recalled=False,
        seeds=(seed,), seconds=round(seconds, 1), machine=machine(),
        data=f"Omniglot: trained on the background set; {EPISODES} episodes of the evaluation set, {ASKED} queries a character",
        command=f"tinyconv reproduce omniglot-episodes --seed {seed} --checkpoint omniglot.npz", also=found,
    )


def accuracies(points: Any, ways: int, rng: np.random.Generator) -> Any:
    """The share of right answers in each of 1,000 episodes; `points` (characters, 20, D)."""
    count, drawings, width = points.shape
    flat, labels = points.reshape(-1, width), np.repeat(np.arange(count), drawings)
    shares = []
    for support, query, _ in samplers.episodes(labels, ways, 1, ASKED, rng, EPISODES):
        answers = nearest(flat[support[:, 0]], flat[query.ravel()])
        shares.append((answers == np.repeat(np.arange(ways), ASKED)).mean())
    return np.array(shares)
