"""Optimizers: each reads `.grad` and gives the parameters new values."""

from tinyconv.optim.adagrad import AdaGrad
from tinyconv.optim.adam import Adam, AdamW
from tinyconv.optim.clip import clip_grad_norm, clip_grad_value
from tinyconv.optim.lbfgs import LBFGS
from tinyconv.optim.optimizer import Optimizer
from tinyconv.optim.rmsprop import RMSProp
from tinyconv.optim.schedules import Cosine, StepDecay, WarmUp
from tinyconv.optim.sgd import SGD

__all__ = ["LBFGS", "SGD", "AdaGrad", "Adam", "AdamW", "Cosine", "Optimizer", "RMSProp", "StepDecay", "WarmUp",
           "clip_grad_norm", "clip_grad_value"]
