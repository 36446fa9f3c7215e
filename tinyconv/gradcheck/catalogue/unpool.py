"""The cases of unpooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import distinct, normal
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import pool_windows
from tinyconv.ops import unpool


def _unpool_case(op: Callable[..., Tensor], variant: str, shape: tuple[int, ...], **options: Any) -> Case:
    """Unpooling to the places where the largest values of an image of `shape` stood."""
    windows = pool_windows(shape, rank=len(shape) - 2, **options)
    chosen = pooling.positions(pooling.argmax(distinct(*shape)(np.random.default_rng(0)), windows), windows)
    return case(op.__name__, lambda x: op(x, chosen, shape[1:-1]), variant, "x", x=normal(*chosen.shape))


KEEPS: dict[str, tuple[str, ...]] = {}

CASES: list[Case] = [
    _unpool_case(unpool.max_unpool1d, "windows apart", (2, 7, 3), kernel_size=2),
    _unpool_case(unpool.max_unpool2d, "windows apart", (2, 4, 6, 3), kernel_size=(2, 3)),
    _unpool_case(unpool.max_unpool2d, "overlapping windows", (1, 5, 6, 2), kernel_size=3, stride=1, padding=1),
    _unpool_case(unpool.max_unpool3d, "windows apart", (1, 4, 3, 5, 2), kernel_size=(2, 3, 1), stride=(2, 1, 1)),
]
