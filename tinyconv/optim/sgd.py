"""Gradient descent, with momentum a ball that rolls, and with Nesterov's momentum one that looks where it rolls."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinyconv.engine import Array, Parameter
from tinyconv.errors import GradientError
from tinyconv.kernels import dispatch
from tinyconv.optim.optimizer import Optimizer


class SGD(Optimizer):
    """v = momentum * v + g;  p = p - lr * v, where g is the gradient + weight_decay * p.

    With `nesterov`, p = p - lr * (g + momentum * v): the step is taken as from where the velocity will have led.

    Source: Polyak 1964; Nesterov 1983 in the form of Sutskever et al. 2013.
    """

    remembers = ("velocity",)

    def __init__(self, parameters: Iterable[Parameter], lr: float, momentum: float = 0.0, weight_decay: float = 0.0,
                 nesterov: bool = False) -> None:
        super().__init__(parameters, lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)
        self.momentum, self.weight_decay, self.nesterov = momentum, weight_decay, nesterov
        if nesterov and not momentum:
            raise GradientError("SGD: nesterov without momentum changes nothing; give momentum=0.9.")

    def moved(self, p: Array, g: Array, *moments: Array) -> Array:
        """p minus lr times the velocity, or times the velocity one step ahead; without momentum the velocity stays 0."""
        (v,) = moments
        if updates := dispatch.compiled("updates", p.size, p.dtype):
            return np.asarray(updates.sgd(p, g, v, self.lr, self.momentum, self.weight_decay, self.nesterov))
        if self.weight_decay:
            g = g + self.weight_decay * p
        if not self.momentum:
            return p - self.lr * g
        v *= self.momentum
        v += g
        return p - self.lr * (g + self.momentum * v if self.nesterov else v)
