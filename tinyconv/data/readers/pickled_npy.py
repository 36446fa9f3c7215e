"""Weights that somebody saved as a dictionary with `numpy.save`: a pickle inside an `.npy` file, read without executing it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tinyconv.data.arrays import LONGEST_HEADER, npy_header
from tinyconv.data.files import first_bytes
from tinyconv.data.quoting import LONGEST_PATH, one_line
from tinyconv.data.readers.numpy_pickles import PickledArray, as_array, numpy_makers
from tinyconv.data.readers.pickles import Budget, load_pickle
from tinyconv.data.readers.trees import collect
from tinyconv.errors import DataError


def read_pickled_npy(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read an `.npy` file of dtype object, such as MTCNN's `det1.npy`: {layer: {name: array}}.

    Returns
    -------
    {"layer.name": array}: keys of nested dictionaries joined by dots, positions in lists counted from 0. NumPy's arrays and
    scalars are in; Python's own numbers, texts and None are left out.

    Raises
    ------
    DataError
        No such file, plain numbers, damaged, an array of objects inside, or a pickle with a name or an instruction that
        arrays do not need.
    """
    path = Path(path)
    what = one_line(path, LONGEST_PATH)
    start = first_bytes(path, 12 + LONGEST_HEADER, "an .npy file")
    dtype, shape, _, front = npy_header(start, what)
    if dtype not in ("|O", "O"):
        raise DataError(f"{what} holds plain {one_line(dtype)} of shape {shape}, expected a pickled dictionary; "
                        "numpy.load reads it.")
    size = os.path.getsize(path)
    budget = Budget(what, size)
    with path.open("rb") as file:
        file.seek(front)
        outer = load_pickle(file, what, size - front, numpy_makers(budget))
    if not isinstance(outer, PickledArray) or outer.objects is None or len(outer.objects) != math.prod(shape):
        raise DataError(f"{what} does not hold the {math.prod(shape):,} objects that its header promises.")
    return collect(outer.objects if shape else outer.objects[0], what, as_array)
