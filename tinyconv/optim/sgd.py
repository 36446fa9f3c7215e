"""Gradient descent, and with momentum a ball that rolls."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyconv.engine import Parameter
from tinyconv.optim.optimizer import Optimizer


class SGD(Optimizer):
    """v = momentum * v + gradient + weight_decay * p;  p = p - lr * v.

    Source: Polyak 1964 in the form of Sutskever et al. 2013 (without Nesterov's look-ahead).
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocity = [np.zeros(p.shape, p.dtype) for p in self.parameters]

    def step(self) -> None:
        """Move every parameter once, along its velocity."""
        for p, g, v in zip(self.parameters, self.gradients(), self.velocity, strict=True):
            v *= self.momentum
            v += g + self.weight_decay * p.data if self.weight_decay else g
            p.assign(p.data - self.lr * v)
