"""RMSProp: AdaGrad that forgets, so that its steps do not die out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyconv.engine import Array, Parameter
from tinyconv.errors import GradientError
from tinyconv.optim.optimizer import Optimizer


class RMSProp(Optimizer):
    """s = alpha * s + (1 - alpha) * g * g;  v = momentum * v + g / (sqrt(s) + eps);  p = p - lr * v.

    g is the gradient + weight_decay * p. With `centered`, s is the variance: the running mean of g, squared, is
    subtracted from it.

    Source: Tieleman & Hinton 2012 (lecture 6.5); centered: Graves 2013, section 4.2.
    """

    remembers = ("square", "mean", "velocity")

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False) -> None:
        super().__init__(parameters, lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered)
        self.alpha, self.eps, self.weight_decay, self.momentum, self.centered = alpha, eps, weight_decay, momentum, centered
        if alpha > 1:
            raise GradientError(f"RMSProp: alpha is {alpha}, expected a share from 0 to 1.")

    def moved(self, p: Array, g: Array, *moments: Array) -> Array:
        """p minus lr times the velocity of the gradient over the root of its running square."""
        s, m, v = moments
        if self.weight_decay:
            g = g + self.weight_decay * p
        s += (1 - self.alpha) * (g * g - s)
        if self.centered:
            m += (1 - self.alpha) * (g - m)
        v *= self.momentum
        v += g / (np.sqrt(np.maximum(s - m * m, 0)) + self.eps)  # m is 0 unless centered
        return p - self.lr * v
