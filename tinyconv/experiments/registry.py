"""The experiments by name: each is a module with `run(seed, checkpoint, save_weights) -> Result`."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import Any

from tinyconv.errors import DataError
from tinyconv.experiments.results import Result

EXPERIMENTS = {
    "cifar10": "train tinyconv's own feature net on CIFAR-10",
}


def reproduce(name: str, seed: int, checkpoint: Path, save_weights: bool) -> Result:
    """Run the experiment `name`, and return what it found."""
    if name not in EXPERIMENTS:
        close = difflib.get_close_matches(name, EXPERIMENTS, 1)
        hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(EXPERIMENTS)}."
        raise DataError(f"experiment {name!r} is unknown; {hint}")
    experiment: Any = importlib.import_module(f"tinyconv.experiments.{name}")
    result: Result = experiment.run(seed, checkpoint, save_weights)
    return result
