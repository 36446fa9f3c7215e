"""Weights that come with tinyconv: trained here by `tinyconv reproduce`, kept as float16, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinyconv.data.arrays import read_npz
from tinyconv.data.files import whole_file
from tinyconv.nn import Sequential

FOLDER = Path(__file__).parent / "weights"


def load_shipped(net: Sequential, name: str) -> Sequential:
    """`net` with the weights `FOLDER/name`, frozen and in evaluation mode."""
    net.load_state(read_npz(FOLDER / name))
    return net.freeze().eval()


def save_shipped(net: Sequential, name: str) -> None:
    """Write the weights that `load_shipped` reads."""
    with whole_file(FOLDER / name) as partial:
        np.savez(partial, **{key: array.astype(np.float16) for key, array in net.state().items()})  # type: ignore[arg-type]
