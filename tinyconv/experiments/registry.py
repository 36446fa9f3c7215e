"""The experiments by name: each is a module with `run(seed, checkpoint) -> Result`.

Those whose weights come with tinyconv take a third argument, `save_weights`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tinyconv.data.quoting import one_line, suggestion
from tinyconv.errors import DataError
from tinyconv.experiments.results import Result

EXPERIMENTS = {
    "cifar10": "train tinyconv's own feature net on CIFAR-10",
    "detect": "find and align faces: MTCNN on two photographs and on LFW's View 2",
    "collapse": "injure trainings by triplet loss in four ways; does the doctor say what is wrong, and does its advice help?",
    "lfw": "verify the 6,000 pairs of LFW's View 2 with MobileFaceNet",
    "mining": "random, semi-hard and hardest triplets on one budget, on handwritten characters",
    "omniglot-episodes": "one-shot recognition of 1 among 5 and 20 characters of all alphabets",
    "omniglot-lake": "Lake's 400 one-shot trials of 1 among 20 characters of one alphabet",
    "orl": "verify real faces, 5 unseen people of 40: a layer trained on the other 35 behind MobileFaceNet",
    "procedural-faces": "recognise invented people: an encoder trained by triplet loss, 20 unseen at a time",
}

WITH_WEIGHTS = {"cifar10", "procedural-faces"}


def reproduce(name: str, seed: int, checkpoint: Path, save_weights: bool) -> Result:
    """Run the experiment `name`, and return what it found."""
    if name not in EXPERIMENTS:
        raise DataError(f"experiment {one_line(name)!r} is unknown; {suggestion(name, EXPERIMENTS)}")
    if save_weights and name not in WITH_WEIGHTS:
        raise DataError(f"{name}: no weights of this experiment come with tinyconv; leave --save-weights out.")
    experiment: Any = importlib.import_module(f"tinyconv.experiments.{name.replace('-', '_')}")
    result: Result = experiment.run(seed, checkpoint, *([save_weights] if name in WITH_WEIGHTS else []))
    return result
