"""What a net says of many pictures: a batch at a time, so that memory stays bounded, and without recording."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.engine import no_grad, tensor
from tinyconv.nn import Module

Array = NDArray[Any]

BATCH = 100


def points_of(net: Module, pictures: Array) -> Array:
    """`net` of `pictures` (N, ...), N >= 1: (N, D), in the mode that the net is in."""
    with no_grad():
        return np.concatenate([net(tensor(pictures[start : start + BATCH])).data for start in range(0, len(pictures), BATCH)])
