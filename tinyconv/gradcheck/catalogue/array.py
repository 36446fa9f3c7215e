"""The cases of functions that move elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import normal
from tinyconv.ops import array


def _index_cases() -> list[Case]:
    indices: dict[str, Any] = {
        "int": 1,
        "negative int": (slice(None), -1),
        "slice": (slice(None), slice(3, 0, -2)),
        "None and ...": (..., None, 0),
        "integers, repeated": np.array([1, 0, 1, 1]),
        "integers in two axes": (np.array([[0, 1, 1]]), slice(None), np.array([[3], [0]])),
        "booleans": np.array([[True, False, True, True], [False, False, True, False]]),
    }
    shape = (2, 4, 5)
    gathers = [case("getitem", lambda x, i=index: x[i], f"[{name}]", "x", x=normal(*shape)) for name, index in indices.items()]
    scatters = [case("scatter", lambda y, i=index: array.scatter(y, index=i, shape=shape), f"[{name}]", "y",
                     y=normal(*np.empty(shape)[index].shape)) for name, index in indices.items()]
    return gathers + scatters


KEEPS: dict[str, tuple[str, ...]] = {
    "reshape": ("",),
    "transpose": ("",),
    "getitem": ("",),
    "scatter": ("",),
    "concatenate": ("",),
    "pad_zero": ("",),
}

CASES: list[Case] = [
    case("reshape", lambda x: array.reshape(x, (4, -1)), "", "x", x=normal(2, 3, 4)),
    case("transpose", array.transpose, "reversed", "x", x=normal(2, 3, 4)),
    case("transpose", lambda x: array.transpose(x, (1, -1, 0)), "(1, -1, 0)", "x", x=normal(2, 3, 4)),
    *_index_cases(),
    case("concatenate", lambda a, b, c: array.concatenate([a, b, c], axis=1), "axis=1", "",
         a=normal(2, 1, 3), b=normal(2, 4, 3), c=normal(2, 2, 3)),
    case("concatenate", lambda a, b: array.concatenate([a, b, a], axis=-1), "one twice, axis=-1", "",
         a=normal(2, 3), b=normal(2, 1)),
    case("concatenate", lambda a: array.concatenate([[[1, 2, 3]], a]), "with a constant", "", a=normal(2, 3)),
    case("stack", lambda a, b, c: array.stack([a, b, c], axis=1), "axis=1", "", a=normal(2, 3), b=normal(2, 3), c=normal(2, 3)),
    case("stack", lambda a, b: array.stack([a, b, a], axis=-1), "one twice, axis=-1", "", a=normal(2, 3), b=normal(2, 3)),
    case("flip", array.flip, "", "x", x=normal(2, 3, 4)),
    case("flip", lambda x: array.flip(x, (0, -1)), "axis=(0, -1)", "x", x=normal(2, 3, 4)),
    case("pad", lambda x: array.pad(x, ((1, 0), (0, 2), (3, 1))), "zero", "x", x=normal(2, 3, 4)),
    case("pad", lambda x: array.pad(x, ((1, 0), (0, 2), (3, 1)), "reflect"), "reflect", "x", x=normal(2, 3, 4)),
    case("pad", lambda x: array.pad(x, ((1, 0), (0, 2), (5, 1)), "edge"), "edge", "x", x=normal(2, 3, 4)),
]
