"""The experiments by name: each is a module with `run(seed, checkpoint, save_weights) -> Result`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tinyconv.data.quoting import one_line, suggestion
from tinyconv.errors import DataError
from tinyconv.experiments.results import Result

EXPERIMENTS = {
    "cifar10": "train tinyconv's own feature net on CIFAR-10",
    "orl": "verify real faces: an encoder trained by triplet loss on 35 people, 5 unseen",
    "procedural-faces": "recognise invented people: an encoder trained by triplet loss, 20 unseen at a time",
}


def reproduce(name: str, seed: int, checkpoint: Path, save_weights: bool) -> Result:
    """Run the experiment `name`, and return what it found."""
    if name not in EXPERIMENTS:
        raise DataError(f"experiment {one_line(name)!r} is unknown; {suggestion(name, EXPERIMENTS)}")
    experiment: Any = importlib.import_module(f"tinyconv.experiments.{name.replace('-', '_')}")
    result: Result = experiment.run(seed, checkpoint, save_weights)
    return result
