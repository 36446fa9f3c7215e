"""Training on volumes, such as a small CT scan."""

from __future__ import annotations

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.convnet import volume_net

CLASSES = 2

WORKLOADS = (Workload(
    name="volume",
    sentence="training step of three 3x3x3 convolutions with ReLU (1-16-32-64 channels), max pools after the first two, mean and "
             "a linear layer, 28 x 28 x 28 x 1, batch 16, cross entropy, SGD",
    task="classify", shape=(16, 28, 28, 28, 1), net=lambda rng: volume_net(CLASSES, rng), classes=CLASSES,
    learning=Learning("sgd", 0.01),
),)
