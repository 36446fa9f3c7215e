"""AdaGrad: numbers that have moved much move less."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyconv.engine import Array, Parameter
from tinyconv.optim.optimizer import Optimizer


class AdaGrad(Optimizer):
    """s = s + g * g;  p = p - lr * g / (sqrt(s) + eps), where g is the gradient + weight_decay * p.

    Source: Duchi, Hazan & Singer 2011.
    """

    remembers = ("total",)

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-2, weight_decay: float = 0.0, eps: float = 1e-10) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, eps=eps)
        self.weight_decay, self.eps = weight_decay, eps

    def moved(self, p: Array, g: Array, *moments: Array) -> Array:
        """p minus lr times the gradient over the root of the sum of all its squares."""
        (s,) = moments
        if self.weight_decay:
            g = g + self.weight_decay * p
        s += g * g
        return p - self.lr * g / (np.sqrt(s) + self.eps)
