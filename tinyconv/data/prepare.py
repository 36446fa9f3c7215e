"""Preparing: the official format to one plain `.npz` pack, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.converters.deep_compression import read_squeezenet1_0
from tinyconv.data.converters.renaming import mobilefacenet, mtcnn, squeezenet1_1, vgg19_normalised
from tinyconv.data.converters.ucr import ucr_small
from tinyconv.data.converters.voxels import modelnet10
from tinyconv.data.files import whole_file
from tinyconv.data.packs import make_folder
from tinyconv.data.readers import read_cifar10, read_omniglot, read_omniglot_runs, read_orl
from tinyconv.data.sources.entry import Entry
from tinyconv.errors import DataError

Converter = Callable[[Sequence[Path]], dict[str, NDArray[Any]]]


def _single(reader: Callable[[Path], dict[str, NDArray[Any]]]) -> Converter:
    """A reader of one file as a converter of a list of files."""
    return lambda originals: reader(originals[0])


# An entry's converter: the paths of its originals to the arrays of its pack.
CONVERTERS: dict[str, Converter] = {
    "omniglot": _single(read_omniglot),
    "omniglot_runs": _single(read_omniglot_runs),
    "orl": _single(read_orl),
    "cifar10": _single(read_cifar10),
    "modelnet10": _single(modelnet10),
    "ucr_small": ucr_small,
    "squeezenet1_0": _single(read_squeezenet1_0),
    "squeezenet1_1": _single(squeezenet1_1),
    "mobilefacenet": _single(mobilefacenet),
    "mtcnn": mtcnn,
    "vgg19_normalised": vgg19_normalised,
}


def prepare(entry: Entry, folder: Path) -> Path:
    """Make the pack of `entry` of the originals in `folder`, unless it is there; returns its path.

    Raises
    ------
    DataError
        An original is absent or not what it should be, or the pack cannot be written; no part of a pack is left.
    """
    path = folder / entry.path
    if entry.by_hand or (path.is_file() and entry.converter):
        return path
    originals = [folder / original.path for original in entry.originals]
    absent = [str(original) for original in originals if not original.is_file()]
    if absent:
        raise DataError(f"{entry.name}: {absent[0]} does not exist; get it with `tinyconv {entry.kind} fetch {entry.name}`.")
    if entry.converter:
        arrays: dict[str, Any] = CONVERTERS[entry.converter](originals)
        make_folder(path.parent)
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)
    return path
