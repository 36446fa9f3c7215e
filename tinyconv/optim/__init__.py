"""Optimizers: each reads `.grad` and gives the parameters new values."""

from tinyconv.optim.adam import Adam
from tinyconv.optim.lbfgs import LBFGS
from tinyconv.optim.sgd import SGD

__all__ = ["LBFGS", "SGD", "Adam"]
