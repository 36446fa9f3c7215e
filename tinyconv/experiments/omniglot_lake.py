"""Lake's 400 one-shot trials, 20 characters of one alphabet each: `tinyconv reproduce omniglot-lake`.

The trials of the evaluation alphabets are run once per committed configuration. Every run: the one that is recorded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinyconv.data.packs import load
from tinyconv.experiments.machine import machine
from tinyconv.experiments.omniglot import EPOCHS, STEPS, embed, nearest, small, trained
from tinyconv.experiments.results import Result


def run(seed: int, checkpoint: Path) -> Result:
    """Train on the background set, then run the trials; the finished checkpoint stays, for `omniglot-episodes`."""
    runs = load("omniglot-runs")
    net, seconds = trained(seed, checkpoint)
    rng = np.random.default_rng([seed, 1])
    answers = nearest(embed(net, small(runs["train"]), rng), embed(net, small(runs["test"]), rng))
    wrong = answers != runs["answer"]
    return Result(
        name="omniglot-lake", metric="error in 400 within-alphabet 20-way one-shot trials, %",
        measured=round(100 * float(wrong.mean()), 2), spread=None, published=8.0,
        source="Koch et al. 2015, a Siamese net; prototypical nets about 13.7; people 4.5, BPL 3.3, Lake et al. 2015",
        recalled=True, seeds=(seed,), seconds=round(seconds, 1), machine=machine(),
        data=f"Omniglot: trained on the background set, {EPOCHS * STEPS} steps; the fixed trials of all_runs.zip",
        command=f"tinyconv reproduce omniglot-lake --seed {seed} --checkpoint omniglot.npz",
        also={"the worst of the 20 runs": round(100 * float(wrong.mean(axis=1).max()), 1)},
    )
