"""Training a small net without convolutions: what is left is the engine itself."""

from __future__ import annotations

import numpy as np

from tinyconv.bench.workload import Learning, Workload
from tinyconv.nn import Linear, ReLU, Sequential


def _net(rng: np.random.Generator) -> Sequential:
    return Sequential(hidden=Linear(784, 64, rng=rng), relu=ReLU(), logits=Linear(64, 10, rng=rng))


WORKLOADS = (Workload(
    name="mlp",
    sentence="training step of two linear layers, 784-64-10 with a ReLU between them, batch 64, cross entropy, SGD",
    task="classify", shape=(64, 784), net=_net, classes=10, learning=Learning("sgd", 0.01),
),)
