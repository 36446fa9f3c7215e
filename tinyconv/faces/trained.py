"""Encoders that users train on pictures of their own: what is kept of them in one `.npz`, and back to an encoder.

The file holds the net's arrays under their names, and all else as one JSON text, an entry called `json` (its UTF-8 bytes).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyconv.data.arrays import read_npz
from tinyconv.data.files import whole_file
from tinyconv.errors import DataError, ShapeError
from tinyconv.faces.encoder import Encoder, make_encoder
from tinyconv.models.face_encoder import face_encoder
from tinyconv.nn import Sequential

FORMAT = 1
SIZES = (32, 128)  # pixels of a side


@dataclass(frozen=True)
class Training:
    """What is known of a trained encoder besides its numbers.

    Attributes
    ----------
    name : what it is called in galleries
    size : height and width of the faces it takes, from 32 to 128
    detects : whether they are found in photographs and aligned first; otherwise the whole picture is the face
    people, pictures : it was trained on
    held_out : other people, on whose pictures the rest was measured
    equal_error_rate : 0 to 1
    threshold : squared distance, 0 to 4, where both errors are equal
    """

    name: str
    size: int
    detects: bool
    people: int
    pictures: int
    held_out: int
    equal_error_rate: float
    threshold: float


def save_trained(path: str | Path, net: Sequential, training: Training) -> None:
    """Write the encoder, whole or not at all.

    Raises
    ------
    DataError
        The place cannot be written.
    """
    text = json.dumps({"format": FORMAT, **asdict(training)})
    arrays: dict[str, Any] = dict(net.state())
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, json=np.frombuffer(text.encode(), np.uint8), **arrays)


def load_trained(path: str | Path) -> Encoder:
    """The encoder in a file of `save_trained`, frozen and in evaluation mode.

    Raises
    ------
    DataError
        No such file, damaged, or not such an encoder.
    """
    arrays = read_npz(path)
    training = _read_training(path, arrays.pop("json", None))
    net = face_encoder((training.size, training.size), 3, np.random.default_rng(0))
    try:
        net.load_state(arrays)
    except ShapeError as error:
        raise DataError(f"{path} does not hold a face encoder of tinyconv: {error}") from error
    return make_encoder(
        net.freeze().eval(), name=training.name, size=(training.size, training.size), detects=training.detects,
        threshold=training.threshold,
        good_for=f"faces like those of the {training.people:,} people that it was trained on ({training.pictures:,} pictures); "
                 f"its equal error rate on {training.held_out:,} others was {100 * training.equal_error_rate:.3g} %.",
    )


def _read_training(path: str | Path, content: Any) -> Training:
    """The JSON part, with the types and values that it must have."""
    try:
        saved = json.loads(content.tobytes().decode()) if content is not None and content.dtype == np.uint8 else None
    except (ValueError, RecursionError):
        saved = None
    if not isinstance(saved, dict) or saved.pop("format", None) != FORMAT:
        raise DataError(f"{path} is no face encoder that `tinyconv faces train` has written.")
    types = {"name": str, "size": int, "detects": bool, "people": int, "pictures": int, "held_out": int,
             "equal_error_rate": float, "threshold": float}
    fine = saved.keys() == types.keys() and all(type(saved[name]) is kind for name, kind in types.items())
    if not fine or not SIZES[0] <= saved["size"] <= SIZES[1] or not 0 <= saved["threshold"] <= 4:
        raise DataError(f"{path} is not a whole face encoder: its entry 'json' cannot be what was saved.")
    return Training(**saved)
