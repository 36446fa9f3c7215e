"""Training the four-block encoder of one-shot learning."""

from __future__ import annotations

import numpy as np

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.convnet import conv4
from tinyconv.nn import Linear, Sequential

CHARACTERS = 964  # of Omniglot's background set


def _classifier(rng: np.random.Generator) -> Sequential:
    return Sequential(**conv4(1, rng).layers, logits=Linear(64, CHARACTERS, rng=rng))


WORKLOADS = (Workload(
    name="omniglot",
    sentence="training step of four blocks (3x3 convolution to 64 channels, batch norm, ReLU, max pool 2) and a linear layer to "
             f"{CHARACTERS} characters, 28 x 28 x 1, batch 128, cross entropy, Adam",
    task="classify", shape=(128, 28, 28, 1), net=_classifier, classes=CHARACTERS, learning=Learning("adam", 1e-4),
),)
