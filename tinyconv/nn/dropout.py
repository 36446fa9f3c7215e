"""Dropout as a layer: it draws in train mode only."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Tensor, as_tensor
from tinyconv.nn.module import Pointwise
from tinyconv.ops.dropout import dropout


class Dropout(Pointwise):
    """`tc.dropout` in train mode, the identity in evaluation mode.

    Parameters
    ----------
    rate : float in [0, 1)
        The share that is left out.
    rng : numpy.random.Generator
        Kept, not copied: layers that are given the same one draw from one sequence.
    """

    def __init__(self, rate: float, *, rng: np.random.Generator) -> None:
        dropout(np.zeros(0, np.float32), rate, rng)  # refuses what cannot be a rate or a generator, and draws nothing
        self.rate, self.rng = rate, rng

    def forward(self, x: Any) -> Tensor:
        return dropout(x, self.rate, self.rng) if self.training else as_tensor(x)
